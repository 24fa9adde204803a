# shellcheck shell=bash
# A systemd of our own, to source: the machine's own systemd as PID 1 of private namespaces, over an overlay of / whose
# upper layer is memory. The host keeps its processes, files, network and sysctls.
#
# The script that sources it defines `install_files ROOT ARGUMENT…`, which lays into the new root what the test needs and
# runs there before systemd does, and then calls `boot_systemd "$@"` with its own arguments. From there on it has
#
#   run COMMAND…          runs it in there, as root
#   eventually COMMAND…   waits up to 30 s until it succeeds
#   fail WORDS…           ends the test, and shows what the service and the journal say
#
# Where no systemd can be booted, the script ends with 77 (skipped) and says why.

self=$(readlink -f "$0")
service=stibee-syncd.service
base='' boot='' cgroup=''

skip() { echo "skipped: $*"; exit 77; }

# ---- inside the new namespaces: build the root and become systemd ----

mount_root() {
  local memory=$1/memory
  mkdir -p "$memory"
  mount -t tmpfs tmpfs "$memory"
  mkdir "$memory/upper" "$memory/work" "$memory/root"
  root=$memory/root
  mount -t overlay overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" "$root"
  mount -t proc proc "$root/proc"
  # Sysctls outside the network belong to the whole machine: nothing in here may set them.
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  local device
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
}

become_systemd() {
  local base=$1
  shift
  mount_root "$base"
  rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires   # nothing of the host's starts
  : > "$root/etc/fstab"
  tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
  install_files "$root" "$@"
  cd "$root" || exit 70
  mkdir old-root
  pivot_root . old-root
  umount -l /old-root
  mount --make-rshared /
  exec env -i container=stibee-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=no
}

# ---- outside: boot, and clean up ----

clean_up() {
  if [ -n "$boot" ]; then
    kill -KILL "$boot" 2> /dev/null || true   # and with it, by --kill-child, its PID 1 and all in there
    wait "$boot" 2> /dev/null || true
  fi
  local _
  for _ in $(seq 50); do
    find "$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null || true
    [ -d "$cgroup" ] || break
    sleep 0.1
  done
  rm -rf "$base"
}

can_boot() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  [ -x /lib/systemd/systemd ] || skip "systemd is not installed"
  local tool
  for tool in unshare nsenter systemctl journalctl; do command -v $tool > /dev/null || skip "$tool is missing"; done
  local cgroups=/sys/fs/cgroup
  [ ! -e $cgroups/unified/cgroup.procs ] || cgroups=$cgroups/unified
  [ -e $cgroups/cgroup.procs ] || skip "no cgroup2 hierarchy"
  cgroup=$cgroups/stibee-boot-$$
  mkdir "$cgroup" 2> /dev/null || skip "no cgroup can be made"
  unshare --mount --pid --fork --uts --ipc --net --cgroup true 2> /dev/null || { rmdir "$cgroup"; skip "no namespaces can be made"; }
}

boot_systemd() {
  # The script runs once more, inside, to become systemd.
  if [ "${1:-}" = inside ]; then shift; become_systemd "$@"; fi
  can_boot
  base=$(mktemp -d /tmp/stibee-boot-XXXXXX)
  trap clean_up EXIT
  (
    echo "$BASHPID" > "$cgroup/cgroup.procs"
    exec setsid unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup \
      "$self" inside "$base" "$@"
  ) > "$base/console" 2>&1 < /dev/null &
  boot=$!
  eventually is_up || { cat "$base/console"; echo "FAILED: the private systemd does not come up"; exit 1; }
}

first_child() { cut -d ' ' -f 1 "/proc/$boot/task/$boot/children"; }
run() { nsenter --target "$(first_child)" --mount --uts --ipc --net --pid --cgroup -- "$@"; }
is_up() { [[ $(run systemctl is-system-running 2> /dev/null) =~ ^(running|degraded)$ ]]; }

fail() {
  echo "FAILED: $*"
  run systemctl status --no-pager --full "$service" 2>&1 || true
  run journalctl --no-pager -n 60 2>&1 || tail -n 60 "$base/console"
  exit 1
}

eventually() {
  local _
  for _ in $(seq 150); do
    if "$@" > /dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  return 1
}
