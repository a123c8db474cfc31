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
struct TokenVerbs {
  Token& token;

  Reply operator()(const Describe&) const { return Described{token.describe()}; }
  Reply operator()(const HasKey& request) const { return Found{token.has_key(request.key)}; }
  Reply operator()(const Generate& request) const { return Generated{token.generate(request.key, given(request.pin))}; }
  Reply operator()(const Sign& request) const {
    return Signed{token.sign(request.key, request.data, given(request.pin))};
  }
  Reply operator()(const MakeSecretCredential& request) const {
    return SecretCredential{token.make_secret_credential(request.application, given(request.pin))};
  }
  Reply operator()(const DeriveSecret& request) const {
    const SecretRequest wanted{request.application, request.key_handle, request.salt, request.verify};
    return Secret{token.derive_secret(wanted, given(request.pin))};
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
  template <class Other>
  Reply operator()(const Other&) const {
    throw Error(Errc::unsupported, "not a request for a FIDO2 token");
  }
};

Reply failed(Errc code, std::string_view text) {
  return Failed{code, std::string(text.substr(0, limits::failure_text_bytes))};
}

/// Nothing for a cancel: it came too late, the request has been answered.
std::optional<Reply> answer(const Handler& handler, const Request& request) {
  if (std::holds_alternative<Cancel>(request)) return std::nullopt;
  try {
    return handler(request);
  } catch (const Error& error) {
    return failed(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(Errc::system, "out of memory");
  }
}

using Send = std::function<bool(const Reply& reply)>;

/// A request that brings nothing secret leaves nothing behind that has to be wiped.
bool is_plain_signature(const Request& request) {
  const auto* sign = std::get_if<SignWithKey>(&request);
  return sign != nullptr && sign->pin.empty();
}

/// Answers what arrives; ends where `send` says so.
void serve_by(Channel& channel, const Handler& handler, const Send& send) {
  while (std::optional<Bytes> message = channel.receive()) {
    std::optional<Reply> reply;
    {
      // A PIN is gone before anybody hears that it was right.
      std::optional<StackWiper> wiper;
      const Request request = parse_request(*message);
      if (!is_plain_signature(request)) wiper.emplace();
      reply = answer(handler, request);
    }
    message.reset();
    if (reply && !send(*reply)) return;
  }
}

/// Not heard where the agent is gone: the next reply will find out.
void send_notice(Channel& channel, const Reply& notice) {
  try {
    channel.send(frame_reply(notice));
  } catch (const std::exception&) {
  }
}

bool says_removed(const Reply& reply) {
  const auto* failure = std::get_if<Failed>(&reply);
  return failure != nullptr && failure->code == Errc::removed;
}

}  // namespace

TokenWatch watch_over(Channel& channel) {
  TokenWatch out;
  out.touch_wanted = [&channel] { send_notice(channel, TouchWanted{}); };
  out.cancelled = [&channel] { return channel.cancelled(); };
  out.descriptor = [&channel] { return channel.descriptor(); };
  return out;
}

Handler handler_for(Token& token) {
  return [&token](const Request& request) { return std::visit(TokenVerbs{token}, request); };
}

void serve(Channel& channel, const Handler& handler) {
  serve_by(channel, handler,
           [&](const Reply& reply) { return channel.send_if_there(frame_reply(reply)) && !says_removed(reply); });
}

void serve_module(Channel& channel, const Handler& handler, const std::function<void()>& before_reply) {
  serve_by(channel, handler, [&](const Reply& reply) {
    before_reply();
    return channel.send_if_there(frame_reply(reply));
  });
}

void serve_failure(Channel& channel, const Error& error) {
  if (channel.receive()) channel.send_if_there(frame_reply(failed(error.code(), error.what())));
}

}  // namespace fob::host
