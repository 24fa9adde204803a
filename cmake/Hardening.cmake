# What is shipped is compiled with the distribution's armour (and paths are left out, so that any checkout makes the same
# bytes); the preset `release` asks for it. Tests, and other presets, do without: fortified functions need optimisation, and
# the sanitizers look closer than they.
option(STIBEE_HARDENING "Build the programs as a distribution would" OFF)

set(STIBEE_HARDENED_COMPILE "")
set(STIBEE_HARDENED_LINK "")
if(STIBEE_HARDENING)
  set(STIBEE_HARDENED_COMPILE -fPIE -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
  set(STIBEE_HARDENED_LINK -pie -Wl,-z,relro,-z,now)
endif()
