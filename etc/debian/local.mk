# SPDX-License-Identifier: MIT
#
# Debian packages of the release tarball, in deb/ of the build tree. Needs
# what Build-Depends in etc/debian/control names:
#
#     apt-get build-dep ./etc/debian && make deb

deb: dist-gzip
	rm -rf deb && $(MKDIR_P) deb
	cp $(distdir).tar.gz deb/$(PACKAGE)_$(VERSION).orig.tar.gz
	cd deb && tar xf $(PACKAGE)_$(VERSION).orig.tar.gz && \
		cp -r $(distdir)/etc/debian $(distdir)/debian && \
		cd $(distdir)/debian && rm local.mk && \
		sed -e 's/%VERSION%/$(VERSION)/' -e "s/%DATE%/`date -R`/" \
			changelog.in >changelog && rm changelog.in
	cd deb/$(distdir) && dpkg-buildpackage --no-sign --build=full
	rm -r deb/$(distdir)
.PHONY: deb
clean-local:
	rm -rf deb
EXTRA_DIST += etc/debian
