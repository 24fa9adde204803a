#!/bin/bash
# Debian's own judge of packages finds nothing in ours, down to the pedantic and the merely informative.
#   lintian.sh FOLDER-WITH-PACKAGES          exit 77: skipped
set -euo pipefail
command -v lintian > /dev/null || { echo "skipped: lintian is missing"; exit 77; }

# Its spelling check takes bytes of machine code for words.
said=$(lintian --pedantic --display-info --suppress-tags spelling-error-in-binary "$1"/*.deb 2> /dev/null) || true
if [ -n "$said" ]; then
  echo "$said"
  exit 1
fi
