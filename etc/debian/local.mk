# SPDX-License-Identifier: MIT
#
# Debian packages of the release tarball, in deb/ of the build tree. Needs
# what Build-Depends in etc/debian/control names:
#
#     apt-get build-dep ./etc && make deb
#
# -0berth1: less than the first revision of Debian's own, should there be one.

deb: dist-gzip
	rm -rf deb && $(MKDIR_P) deb
	cp $(distdir).tar.gz deb/$(PACKAGE)_$(VERSION).orig.tar.gz
	cd deb && tar xf $(PACKAGE)_$(VERSION).orig.tar.gz && \
		$(distdir)/etc/debian/prepare $(distdir) $(VERSION) 0berth1
	cd deb/$(distdir) && dpkg-buildpackage --no-sign --build=full
	rm -r deb/$(distdir)

# Built, installed, used, upgraded and purged on a machine of each release.
deb-test: dist-gzip
	for suite in bookworm trixie; do \
		'$(srcdir)/tests/packaging/test-deb.sh' $$suite \
			$(distdir).tar.gz || exit 1; \
	done
.PHONY: deb deb-test
clean-local:
	rm -rf deb
EXTRA_DIST += etc/debian tests/packaging
