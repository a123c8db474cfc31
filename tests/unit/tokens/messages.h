#pragma once

#include <optional>

#include "tests/unit/protocol/vectors.h"
#include "tokens/message.h"

/// What the tests of messages between agent and host share.
namespace fob::test {

inline Bytes unframed(const Bytes& frame) {
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

SecretBytes secret(std::string_view text);

/// What reading a request or reply as it is written fails with.
template <class Request>
std::optional<Errc> request_error(Request request) {
  const Bytes bytes = unframed(host::frame_request(host::Request(std::move(request))));
  return error_of([&] { host::parse_request(bytes); });
}

template <class Reply>
std::optional<Errc> reply_error(Reply reply) {
  const Bytes bytes = unframed(host::frame_reply(host::Reply(std::move(reply))));
  return error_of([&] { host::parse_reply(bytes); });
}

}  // namespace fob::test
