# A SoftHSM2 token for the host tests of PKCS#11: sourced after lib.sh, whose folders and checks it uses.
#
# Every key is made by openssl, so that its public half is known without asking what is tested, and put on the token by
# SoftHSM2's own tool; the file is removed.
# shellcheck shell=bash

source "$(dirname "$0")/pkcs11_steps.sh"
pkcs11_pin=1234
softhsm=/usr/lib/softhsm/libsofthsm2.so
key_types=(rsa ecdsa256 ecdsa384 ecdsa521 ed25519)

need softhsm2-util softhsm2
need openssl openssl
[[ -e $softhsm ]] || skip "no $softhsm here; it comes with the package libsofthsm2"
softhsm=$(realpath "$softhsm")

# make_token LABEL: an empty token, in this test's own folder.
make_token() {
  if [[ -z ${SOFTHSM2_CONF-} ]]; then
    export SOFTHSM2_CONF=$HOME/softhsm2.conf
    mkdir -m 700 "$HOME/tokens"
    printf '%s\n' "directories.tokendir = $HOME/tokens" 'objectstore.backend = file' 'log.level = ERROR' \
      >"$SOFTHSM2_CONF"
  fi
  softhsm2-util --init-token --free --label "$1" --pin "$pkcs11_pin" --so-pin 12345678 >"$work/out" ||
    die "no token: $(cat "$work/out")"
}

make_private_key() {
  case $2 in
    rsa) openssl genpkey -quiet -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out "$1" ;;
    ed25519) openssl genpkey -algorithm ed25519 -out "$1" ;;
    ecdsa*)
      openssl genpkey -algorithm ec -pkeyopt "ec_paramgen_curve:P-${2#ecdsa}" -pkeyopt ec_param_enc:named_curve \
        -out "$1"
      ;;
  esac
}

# As ssh has it. ssh-keygen reads all but PEM files of Ed25519 keys: there the key is the last 32 bytes of the DER.
public_half() {
  if [[ $2 != ed25519 ]]; then
    ssh-keygen -y -f "$1"
    return
  fi
  echo "ssh-ed25519 $({
    printf '\0\0\0\013ssh-ed25519\0\0\0 '
    openssl pkey -in "$1" -pubout -outform DER | tail -c 32
  } | base64 -w0)"
}

# token_key TOKEN NAME TYPE: a key on the token; $work/NAME.pub is its public half.
token_key() {
  local token=$1 name=$2 type=$3 id
  token_keys=$((token_keys + 1))
  id=$(printf %02x "$token_keys")
  make_private_key "$work/$name.pem" "$type"
  chmod 600 "$work/$name.pem"
  public_half "$work/$name.pem" "$type" | sed "s/\$/ $name/" >"$work/$name.pub"
  softhsm2-util --import "$work/$name.pem" --token "$token" --label "$name" --id "$id" --pin "$pkcs11_pin" \
    >"$work/out" 2>&1 || die "no key on the token: $(cat "$work/out")"
  rm "$work/$name.pem"
}
token_keys=0
