#pragma once

#include <cstddef>
#include <cstdint>

/// The interface of OpenSSH's SK middleware libraries (its sk-api.h, version 0x000a0000; the same from 9.2 to 10.5),
/// for dlsym(3): the layout is theirs. What a library returns is malloc(3)ed, and the caller's to free.
namespace fob::sk_api {

inline constexpr std::uint32_t version_major = 0x000a0000;
inline constexpr std::uint32_t version_major_mask = 0xffff0000;

inline constexpr std::uint32_t algorithm_ecdsa = 0;
inline constexpr std::uint32_t algorithm_ed25519 = 1;

inline constexpr int error_unsupported = -2;
inline constexpr int error_pin_required = -3;
inline constexpr int error_device_not_found = -4;
inline constexpr int error_credential_exists = -5;

struct EnrollResponse {
  std::uint8_t flags;
  std::uint8_t* public_key;
  std::size_t public_key_len;
  std::uint8_t* key_handle;
  std::size_t key_handle_len;
  std::uint8_t* signature;
  std::size_t signature_len;
  std::uint8_t* attestation_cert;
  std::size_t attestation_cert_len;
  std::uint8_t* authdata;
  std::size_t authdata_len;
};

struct SignResponse {
  std::uint8_t flags;
  std::uint32_t counter;
  std::uint8_t* sig_r;
  std::size_t sig_r_len;
  std::uint8_t* sig_s;
  std::size_t sig_s_len;
};

struct ResidentKey {
  std::uint32_t alg;
  std::size_t slot;
  char* application;
  EnrollResponse key;
  std::uint8_t flags;
  std::uint8_t* user_id;
  std::size_t user_id_len;
};

struct Option {
  char* name;
  char* value;
  std::uint8_t required;
};

/// sk_api_version, sk_enroll, sk_sign, sk_load_resident_keys. Options end with nullptr.
using Version = std::uint32_t();
using Enroll = int(std::uint32_t alg, const std::uint8_t* challenge, std::size_t challenge_len, const char* application,
                   std::uint8_t flags, const char* pin, Option** options, EnrollResponse** response);
using Sign = int(std::uint32_t alg, const std::uint8_t* data, std::size_t data_len, const char* application,
                 const std::uint8_t* key_handle, std::size_t key_handle_len, std::uint8_t flags, const char* pin,
                 Option** options, SignResponse** response);
using LoadResidentKeys = int(const char* pin, Option** options, ResidentKey*** keys, std::size_t* count);

}  // namespace fob::sk_api
