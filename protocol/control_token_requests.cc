#include "protocol/control_token_requests.h"

#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

namespace fob::control {

TokenName read_token_name(Reader& in) {
  const std::string_view name = in.text(limits::uri_bytes);
  if (is_pkcs11_uri(name)) check_pkcs11_uri(name);
  return TokenName(name);
}

SetPin SetPin::read(Reader& in) { return {read_token_name(in)}; }
void SetPin::write(Writer& out) const { out.string(on); }

ChangePin ChangePin::read(Reader& in) { return {read_token_name(in)}; }
void ChangePin::write(Writer& out) const { out.string(on); }

UnblockPin UnblockPin::read(Reader& in) { return {read_token_name(in)}; }
void UnblockPin::write(Writer& out) const { out.string(on); }

ListResident ListResident::read(Reader& in) { return {read_token_name(in)}; }
void ListResident::write(Writer& out) const { out.string(on); }

RemoveResident RemoveResident::read(Reader& in) {
  RemoveResident out;
  out.on = read_token_name(in);
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  return out;
}

void RemoveResident::write(Writer& out) const { out.string(on).string(key_handle); }

RenameResident RenameResident::read(Reader& in) {
  RenameResident out;
  out.on = read_token_name(in);
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  out.user = in.text(limits::credential_user_bytes);
  return out;
}

void RenameResident::write(Writer& out) const { out.string(on).string(key_handle).string(user); }

ResetToken ResetToken::read(Reader& in) { return {read_token_name(in)}; }
void ResetToken::write(Writer& out) const { out.string(on); }

}  // namespace fob::control
