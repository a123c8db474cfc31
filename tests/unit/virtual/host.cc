#include "tests/unit/virtual/host.h"

#include <fido/eddsa.h>
#include <fido/es256.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fob::virt {
namespace {

// libfido2 hands its "path" to open: the descriptor as a number. It writes the report number, 0, in front.

int fd_of(void* handle) { return *static_cast<int*>(handle); }

void* io_open(const char* path) { return new int(std::stoi(path)); }

void io_close(void* handle) { delete static_cast<int*>(handle); }

int io_read(void* handle, unsigned char* buffer, std::size_t size, int timeout) {
  pollfd entry{fd_of(handle), POLLIN, 0};
  if (poll(&entry, 1, timeout) <= 0) return -1;
  const ssize_t got = recv(fd_of(handle), buffer, size, MSG_WAITALL);
  return got == static_cast<ssize_t>(size) ? static_cast<int>(got) : -1;
}

int io_write(void* handle, const unsigned char* buffer, std::size_t size) {
  return send(fd_of(handle), buffer + 1, size - 1, MSG_NOSIGNAL) < 0 ? -1 : static_cast<int>(size);
}

Bytes client_data_hash() { return Bytes(32, 0xcd); }

}  // namespace

void FidoDeleter::operator()(fido_dev_t* dev) const {
  fido_dev_close(dev);
  fido_dev_free(&dev);
}

int open_dev(fido_dev_t* dev, int fd) {
  const fido_dev_io_t io{io_open, io_close, io_read, io_write};
  const int set = fido_dev_set_io_functions(dev, &io);
  return set != FIDO_OK ? set : fido_dev_open(dev, std::to_string(fd).c_str());
}

Plug::Plug(Authenticator& token) {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  host_ = ends[0];
  token_end_ = ends[1];
  const unsigned before = token.status().plugs;
  thread_ = std::thread([this, &token] { end_ = serve_stream(token_end_, token); });
  while (token.status().plugs == before) std::this_thread::sleep_for(Milliseconds(1));
}

Plug::~Plug() {
  dev_.reset();
  shutdown(host_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  close(host_);
  close(token_end_);
}

fido_dev_t* Plug::dev() {
  if (dev_) return dev_.get();
  fido_init(0);
  dev_.reset(fido_dev_new());
  EXPECT_EQ(open_dev(dev_.get(), host_), FIDO_OK);
  return dev_.get();
}

End Plug::wait() {
  if (thread_.joinable()) thread_.join();
  return end_;
}

int make(fido_dev_t* dev, const Wanted& wanted, Cred& cred) {
  cred.reset(fido_cred_new());
  const Bytes hash = client_data_hash();
  fido_cred_set_type(cred.get(), wanted.alg);
  fido_cred_set_clientdata_hash(cred.get(), hash.data(), hash.size());
  fido_cred_set_rp(cred.get(), wanted.rp_id.c_str(), "relying party");
  const ByteView user = as_bytes(wanted.user_id);
  fido_cred_set_user(cred.get(), user.data(), user.size(), "name", "display name", nullptr);
  fido_cred_set_rk(cred.get(), wanted.resident ? FIDO_OPT_TRUE : FIDO_OPT_OMIT);
  fido_cred_set_uv(cred.get(), wanted.uv);
  fido_cred_set_extensions(cred.get(), (wanted.hmac_secret ? FIDO_EXT_HMAC_SECRET : 0) |
                                           (wanted.protection != 0 ? FIDO_EXT_CRED_PROTECT : 0));
  if (wanted.protection != 0) fido_cred_set_prot(cred.get(), wanted.protection);
  if (!wanted.exclude.empty()) fido_cred_exclude(cred.get(), wanted.exclude.data(), wanted.exclude.size());
  return fido_dev_make_cred(dev, cred.get(), wanted.pin_text);
}

Bytes id_of(const fido_cred_t* cred) { return to_bytes({fido_cred_id_ptr(cred), fido_cred_id_len(cred)}); }

int get(fido_dev_t* dev, ByteView id, const Asked& asked, Assert& assertion) {
  assertion.reset(fido_assert_new());
  const Bytes hash = client_data_hash();
  fido_assert_set_clientdata_hash(assertion.get(), hash.data(), hash.size());
  fido_assert_set_rp(assertion.get(), asked.rp_id.c_str());
  fido_assert_set_up(assertion.get(), asked.up);
  if (!id.empty()) fido_assert_allow_cred(assertion.get(), id.data(), id.size());
  if (!asked.salt.empty()) {
    fido_assert_set_extensions(assertion.get(), FIDO_EXT_HMAC_SECRET);
    fido_assert_set_hmac_salt(assertion.get(), asked.salt.data(), asked.salt.size());
  }
  return fido_dev_get_assert(dev, assertion.get(), asked.pin_text);
}

int verify(const fido_assert_t* assertion, const fido_cred_t* cred, std::size_t index) {
  const unsigned char* key = fido_cred_pubkey_ptr(cred);
  const std::size_t size = fido_cred_pubkey_len(cred);
  if (fido_cred_type(cred) == COSE_EDDSA) {
    eddsa_pk_t* pk = eddsa_pk_new();
    EXPECT_EQ(eddsa_pk_from_ptr(pk, key, size), FIDO_OK);
    const int out = fido_assert_verify(assertion, index, COSE_EDDSA, pk);
    eddsa_pk_free(&pk);
    return out;
  }
  es256_pk_t* pk = es256_pk_new();
  EXPECT_EQ(es256_pk_from_ptr(pk, key, size), FIDO_OK);
  const int out = fido_assert_verify(assertion, index, COSE_ES256, pk);
  es256_pk_free(&pk);
  return out;
}

bool wait_until_waiting(const Authenticator& token) {
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  while (!token.status().waiting) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(Milliseconds(1));
  }
  return true;
}

}  // namespace fob::virt
