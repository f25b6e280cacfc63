#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Layers point one way, and each foreign library has one home: every #include
# in src/ and fcgi/ is held against the two lists below.

cd "${srcdir:-.}" || exit 1
status=0

complain() {
	echo "$1" >&2
	status=1
}

# folder: the folders its files may include from
allowed() {
	case $1 in
	src/base) echo base ;;
	src/oci) echo base oci ;;
	src/driver) echo base driver ;;
	src/store) echo base oci driver store ;;
	src/access) echo base oci access ;;
	src/cli | src/cli/*) echo base oci driver store access cli ;;
	fcgi/http) echo base oci driver store access http ;;
	fcgi) echo base oci store access http ;;
	*) echo ;;
	esac
}

# foreign header: the only file that may include it
home() {
	case $1 in
	fcgiapp.h | fcgi_stdio.h) echo fcgi/http/fastcgi.c ;;
	json-c/* | json.h) echo src/base/json.c ;;
	cjose/*) echo src/access/jose.c ;;
	openssl/sha.h) echo src/base/hash.c ;;
	openssl/crypto.h) echo src/access/crypto.c ;;
	openssl/*) echo src/access/certificate.c ;;
	archive.h | archive_entry.h) echo src/base/tar.c ;;
	crypt.h) echo src/cli/token/token_robot.c ;;
	curl/*) echo src/base/http_client.c ;;
	yaml.h) echo src/base/yaml_tree.c ;;
	esac
}

for file in $(find src fcgi -name '*.[ch]'); do
	folder=$(dirname "$file")
	list=$(allowed "$folder")
	[ -n "$list" ] || complain "$folder: no rule for this folder"
	for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
		case $header in
		*/*) from=${header%%/*} ;;
		*) continue ;; # a file of the same folder
		esac
		case " $list " in
		*" $from "*) ;;
		*) complain "$file: may not include $header" ;;
		esac
	done
	for header in $(sed -n 's/^#include <\(.*\)>$/\1/p' "$file"); do
		only=$(home "$header")
		[ -z "$only" ] || [ "$only" = "$file" ] ||
			complain "$file: only $only may include $header"
	done
done
exit $status
