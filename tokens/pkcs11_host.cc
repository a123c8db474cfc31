#include "tokens/host.h"
#include "tokens/pkcs11/piv_card.h"

namespace fob::host {
namespace {

/// One request each: a verb of Module.
struct ModuleVerbs {
  pkcs11::Module& module;

  Reply operator()(const ListTokens& request) const { return TokenList{module.tokens(request.uri)}; }
  Reply operator()(const ListKeys& request) const {
    return KeyList{module.keys(request.uri, request.pin, request.stay_logged_in, request.opening)};
  }
  Reply operator()(const SignWithKey& request) const {
    return Signed{
        module.sign(request.uri, request.key_blob, request.flags, request.data, request.pin, request.stay_logged_in)};
  }
  Reply operator()(const OpenSecret& request) const {
    return Secret{module.open_secret(request.uri, request.key_blob, request.sealed, request.pin)};
  }
  Reply operator()(const GenerateKey& request) const {
    return KeyList{{module.generate(request.key, request.secrets)}};
  }
  Reply operator()(const StoreKey& request) const {
    return KeyList{{module.store(request.key, request.private_key, request.secrets)}};
  }
  Reply operator()(const DeleteKey& request) const {
    module.remove(request.uri, request.key_blob, request.secrets);
    return Done{};
  }
  Reply operator()(const AttestKey& request) const { return Attested{module.attest(request.uri, request.key_blob)}; }
  Reply operator()(const ChangeTokenPin& request) const {
    module.change_pin(request.uri, request.old_pin, request.new_pin);
    return Done{};
  }
  Reply operator()(const ResetTokenPin& request) const {
    module.reset_pin(request.uri, request.unblocking_pin, request.new_pin);
    return Done{};
  }
  template <class Other>
  Reply operator()(const Other&) const {
    throw Error(Errc::unsupported, "not a request for a PKCS#11 module");
  }
};

}  // namespace

pkcs11::Progress progress_on(Channel& channel) {
  // Where the agent is gone the next reply will find that out.
  return {[&channel] { channel.send_if_there(frame_reply(Opened{})); },
          [&channel] { channel.send_if_there(frame_reply(PinPadWanted{})); }};
}

Handler handler_for(pkcs11::Module& module) {
  return [&module](const Request& request) { return std::visit(ModuleVerbs{module}, request); };
}

Handler module_lister() {
  return [](const Request& request) -> Reply {
    if (std::holds_alternative<ListModules>(request)) return ModuleList{pkcs11::registered_modules()};
    throw Error(Errc::unsupported, "this host only lists PKCS#11 modules");
  };
}

Handler reader_lister() {
  return [](const Request& request) -> Reply {
    if (std::holds_alternative<ListReaders>(request)) return ReaderList{pkcs11::card_readers()};
    throw Error(Errc::unsupported, "this host only lists smartcard readers");
  };
}

}  // namespace fob::host
