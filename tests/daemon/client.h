#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "protocol/reply.h"
#include "protocol/request.h"

namespace fob {

class Daemon;
class TestKey;

inline constexpr std::chrono::seconds reply_timeout{30};

/// The number of a reply on the wire: 5, 6, 12, 14, 28 or 29.
MessageType type_of(const Reply& reply);

/// A connection to an agent. Whatever goes wrong below the protocol throws, and so fails the test.
class Client {
 public:
  explicit Client(const std::string& socket);
  explicit Client(const Daemon& daemon);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;

  static bool can_connect(const std::string& socket);

  // --- bytes ---
  void send(ByteView bytes);
  /// As much as the socket takes without waiting; how much that was.
  std::size_t send_some(ByteView bytes);
  void half_close();
  void close();
  /// One message without its length word; nothing where the agent closed the connection. Throws after the time.
  std::optional<Bytes> receive(std::chrono::milliseconds timeout = reply_timeout);
  /// Whether anything is there to be read within the time: a reply or the end.
  bool has_input(std::chrono::milliseconds timeout);
  /// Whether the agent closes the connection within the time without a further byte.
  bool is_closed(std::chrono::milliseconds timeout = std::chrono::seconds(5));

  // --- messages ---
  void send(const Request& request) { send(frame_request(request)); }
  Reply reply(std::chrono::milliseconds timeout = reply_timeout);
  Reply request(const Request& request);
  /// `message`: a type byte and a body, right or wrong.
  Reply request_raw(ByteView message);

  // --- verbs: true for SUCCESS, false for FAILURE; anything else throws ---
  bool succeeds(const Request& request);
  bool succeeds_raw(ByteView message);
  bool add(const TestKey& key, std::string comment = "test key", Constraints constraints = {});
  bool remove(ByteView key_blob);
  bool remove_all() { return succeeds(RemoveAllIdentities{}); }
  bool lock(std::string_view passphrase) { return succeeds(Lock{as_bytes(passphrase)}); }
  bool unlock(std::string_view passphrase) { return succeeds(Unlock{as_bytes(passphrase)}); }
  std::vector<IdentitiesAnswer::Identity> list();
  /// Comments of what is listed, in order: the shortest way to say what is there.
  std::vector<std::string> comments();
  /// The signature blob; nothing for FAILURE.
  std::optional<Bytes> sign(ByteView key_blob, ByteView data, std::uint32_t flags = 0);
  /// SUCCESS, FAILURE or EXTENSION_FAILURE of a session-bind over `session_id`, signed by the host key.
  MessageType bind(const TestKey& host_key, std::string_view session_id, bool is_forwarding);

 private:
  bool read_exactly(std::uint8_t* out, std::size_t bytes, std::chrono::steady_clock::time_point deadline);
  int fd_ = -1;
};

/// A message of `type` with `body`, without its length word.
Bytes message(MessageType type, ByteView body);
/// `body` behind its length.
Bytes framed(ByteView body);

/// The time of the fastest of `tries` new clients that connect and get a reply: what others notice. They ask with the
/// extension `query`, for its reply is small whatever the agent holds: a long list would time itself.
std::chrono::microseconds best_service_time(const Daemon& daemon, int tries = 20);

}  // namespace fob
