#include "tokens/host.h"

#include <new>
#include <utility>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/stack_wiper.h"
#include "tokens/message.h"

namespace fob::host {
namespace {

const SecretBytes* given(const SecretBytes& pin) { return pin.empty() ? nullptr : &pin; }

/// One request each: a verb of Token.
struct Verbs {
  Token& token;

  Reply operator()(const Describe&) const { return Described{token.describe()}; }
  Reply operator()(const HasKey& request) const { return Found{token.has_key(request.key)}; }
  Reply operator()(const Generate& request) const { return Generated{token.generate(request.key, given(request.pin))}; }
  Reply operator()(const Sign& request) const {
    return Signed{token.sign(request.key, request.data, given(request.pin))};
  }
  Reply operator()(const ListResident& request) const { return ResidentKeys{token.resident_keys(given(request.pin))}; }
  Reply operator()(const RemoveResident& request) const {
    token.remove_resident(request.key_handle, given(request.pin));
    return Done{};
  }
  Reply operator()(const RenameResident& request) const {
    token.rename_resident(request.key_handle, request.user, given(request.pin));
    return Done{};
  }
  Reply operator()(const SetPin& request) const {
    token.set_pin(request.new_pin);
    return Done{};
  }
  Reply operator()(const ChangePin& request) const {
    token.change_pin(request.old_pin, request.new_pin);
    return Done{};
  }
  Reply operator()(const Reset&) const {
    token.reset();
    return Done{};
  }
  /// Does not come here: see answer().
  Reply operator()(const Cancel&) const { throw Error(Errc::unsupported, "nothing to cancel"); }
};

Reply failed(Errc code, std::string_view text) {
  return Failed{code, std::string(text.substr(0, limits::failure_text_bytes))};
}

/// Nothing for a cancel: it came too late, the request has been answered.
std::optional<Reply> answer(Token& token, ByteView message) {
  const Request request = parse_request(message);
  if (std::holds_alternative<Cancel>(request)) return std::nullopt;
  try {
    return std::visit(Verbs{token}, request);
  } catch (const Error& error) {
    return failed(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(Errc::system, "out of memory");
  }
}

/// False where nobody is left to hear it.
bool send_reply(Channel& channel, const Reply& reply) {
  try {
    channel.send(frame_reply(reply));
    return true;
  } catch (const Error& error) {
    if (error.code() == Errc::removed) return false;
    throw;
  }
}

bool says_removed(const Reply& reply) {
  const auto* failure = std::get_if<Failed>(&reply);
  return failure != nullptr && failure->code == Errc::removed;
}

}  // namespace

TokenWatch watch_over(Channel& channel) {
  TokenWatch out;
  out.touch_wanted = [&channel] {
    try {
      channel.send(frame_reply(TouchWanted{}));
    } catch (const std::exception&) {
      // The agent is gone: cancelled() will say so.
    }
  };
  out.cancelled = [&channel] { return channel.cancelled(); };
  out.descriptor = [&channel] { return channel.descriptor(); };
  return out;
}

void serve(Channel& channel, Token& token) {
  while (std::optional<Bytes> message = channel.receive()) {
    std::optional<Reply> reply;
    {
      // A PIN is gone before anybody hears that it was right.
      const StackWiper wiper;
      reply = answer(token, *message);
      message.reset();
    }
    if (reply && (!send_reply(channel, *reply) || says_removed(*reply))) return;
  }
}

void serve_failure(Channel& channel, const Error& error) {
  if (channel.receive()) send_reply(channel, failed(error.code(), error.what()));
}

}  // namespace fob::host
