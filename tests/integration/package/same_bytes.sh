#!/bin/bash
# A second build makes the same bytes: in another folder, under another umask, time zone and language, by another name.
#   same_bytes.sh CHECKOUT BUILD-FOLDER FOLDER-WITH-PACKAGES
set -euo pipefail
checkout=$(realpath "$1") programs=$(realpath "$2") packages=$(realpath "$3")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/a folder" "$scratch/again"
umask 077
cd /
env TMPDIR="$scratch/a folder" TZ=Asia/Seoul LC_ALL=C LANGUAGE=ko LOGNAME=somebody USER=somebody \
  "$checkout/scripts/package" --build-dir "$programs" --output "$scratch/again"

for package in "$scratch"/again/*.deb; do
  cmp "$package" "$packages/$(basename "$package")" || { echo "another build, other bytes" && exit 1; }
done
sha256sum "$packages"/*.deb
