#!/bin/sh
# Installs cb-agent from the cb-dragonfly server that gave this script, enrols this machine, and starts the agent:
#
#   curl …/dragonfly/file/agent/install | sh -s -- --token TOKEN [--vm ID] [--server URL] [--no-start]
#
# TOKEN comes from `cbmon agent token new`. It says who vouches for the server: everything that is fetched here is verified
# by that. Needs root, curl, tar or the system's package manager.
set -eu
server='@SERVER@' token='' vm='' start=yes
key=/var/lib/cb-agent/agent.key
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
  echo "cb-agent install: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --token | --vm | --server)
      [ $# -gt 1 ] || die "$1 needs a value"
      case $1 in
        --token) token=$2 ;;
        --vm) vm=$2 ;;
        --server) server=$2 ;;
      esac
      shift
      ;;
    --no-start) start=no ;;
    *) die "'$1' is not an option; there are --token TOKEN, --vm ID, --server URL, --no-start" ;;
  esac
  shift
done
[ -n "$token" ] || die "--token is missing; \`cbmon agent token new\` makes one"
case $server in
  https://* | http://*) ;;
  *) die "--server is '$server'; write https://HOST:PORT" ;;
esac
[ "$(id -u)" = 0 ] || die "needs root: it installs a package and makes the account cb-agent"
command -v curl >/dev/null || die "needs curl"

# Whom to believe: the certificate whose SHA-256 the token carries.
trust() {
  case $server in http://*) return 0 ;; esac
  wanted=${token##*_}
  [ ${#wanted} = 64 ] || die "--token: it does not say who vouches for the server"
  curl -fsSk -o "$work/ca.crt" "$server/api/v1/agents/authority" || die "$server cannot be reached"
  got=$(sed '/-----/d' "$work/ca.crt" | base64 -d | sha256sum | cut -d' ' -f1)
  [ "$got" = "$wanted" ] || die "$server is not the server for which the token was made; nothing was sent or installed"
}

fetch() {  # fetch QUERY FILE
  if [ -s "$work/ca.crt" ]; then
    curl -fsS --cacert "$work/ca.crt" -o "$2" "$server/dragonfly/file/agent/pkg?osType=linux&$1"
  else
    curl -fsS -o "$2" "$server/dragonfly/file/agent/pkg?osType=linux&$1"
  fi || die "the server has no package for this machine ($1): put what \`make packages\` makes into its server.package_dir"
}

processor() {
  case $(uname -m) in
    x86_64 | amd64) echo x64 ;;
    aarch64 | arm64) echo arm64 ;;
    armv5* | armv6* | armv7* | arm) echo armel ;;
    *) die "there is no agent for the processor $(uname -m)" ;;
  esac
}

# On a system without its package manager's files, as in an image that is being made, the archive is what fits.
kind() {
  if [ -e /etc/slackware-version ]; then echo txz
  elif [ -e /var/lib/dpkg/status ] && command -v dpkg >/dev/null; then echo deb
  elif command -v rpm >/dev/null && { [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; }; then echo rpm
  else echo bin
  fi
}

install_package() {
  arch=$(processor) kind=$(kind)
  fetch "arch=$arch&format=$kind" "$work/cb-agent.$kind"
  case $kind in
    # Of another architecture of the same family, as armel on armhf: it is one static program.
    deb) dpkg -i --force-architecture "$work/cb-agent.deb" ;;
    rpm) rpm -U --replacepkgs --ignorearch "$work/cb-agent.rpm" ;;
    txz)
      mv "$work/cb-agent.txz" "$work/cb-agent-0-noarch-1.txz"
      upgradepkg --install-new --reinstall "$work/cb-agent-0-noarch-1.txz"
      ;;
    bin)
      # What the operator wrote stays.
      kept=''
      [ -e /etc/cb-agent/cb-agent.conf ] && kept='--exclude=etc/cb-agent/cb-agent.conf'
      # shellcheck disable=SC2086
      tar -C / $kept -xzf "$work/cb-agent.bin"
      install_scripts
      sh /usr/share/cb-agent/prepare_system
      ;;
  esac >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    die "the package could not be installed"
  }
}

# Of the archive: the start script of this machine's init system.
install_scripts() {
  from=/usr/share/cb-agent/init
  if [ -d /run/systemd/system ]; then cp $from/cb-agent.service /etc/systemd/system/cb-agent.service
  elif command -v openrc >/dev/null; then cp $from/cb-agent.openrc /etc/init.d/cb-agent
  elif [ -d /etc/init.d ]; then cp $from/cb-agent.sysv /etc/init.d/cb-agent
  fi
}

enrol() {
  set -- enroll --server "$server" --key "$key"
  [ -z "$vm" ] || set -- "$@" --vm "$vm"
  # The token stays off the command line, which everybody on the machine can read.
  CB_AGENT_TOKEN=$token cb-agent "$@"
}

start_agent() {
  if [ -d /run/systemd/system ]; then
    systemctl enable cb-agent
    systemctl restart cb-agent
  elif command -v openrc >/dev/null; then
    rc-update add cb-agent default
    rc-service cb-agent restart
  elif [ -e /etc/rc.d/rc.cb-agent ]; then
    chmod +x /etc/rc.d/rc.cb-agent
    /etc/rc.d/rc.cb-agent restart
  elif [ -x /etc/init.d/cb-agent ]; then
    if command -v update-rc.d >/dev/null; then update-rc.d cb-agent defaults
    elif command -v chkconfig >/dev/null; then chkconfig --add cb-agent
    fi
    /etc/init.d/cb-agent restart
  else
    die "it is installed and enrolled, but nothing here starts services: run cb-agent --config /etc/cb-agent/cb-agent.conf"
  fi
}

trust
install_package
enrol
[ $start = no ] || start_agent
echo "cb-agent: done; \`cb-agent status\` tells how it is"
