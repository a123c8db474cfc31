#include "protocol/session_bind.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {

SessionBind SessionBind::read(Reader& in) {
  SessionBind out;
  out.host_key_blob = in.string();
  out.session_id = in.string(limits::session_id_bytes);
  out.signature = in.string();
  out.is_forwarding = in.boolean();
  in.done();
  if (out.session_id.empty()) throw Error(Errc::malformed, "empty session identifier");
  return out;
}

void SessionBind::write(Writer& out) const {
  out.string(host_key_blob).string(session_id).string(signature).boolean(is_forwarding);
}

}  // namespace fob
