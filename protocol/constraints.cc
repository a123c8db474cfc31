#include "protocol/constraints.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::uint8_t constrain_lifetime = 1;
constexpr std::uint8_t constrain_confirm = 2;
constexpr std::uint8_t constrain_extension = 255;
constexpr std::string_view restrict_destination = "restrict-destination-v00@openssh.com";
constexpr std::string_view sk_provider_name = "sk-provider@openssh.com";
constexpr std::string_view associated_certs = "associated-certs-v00@openssh.com";

void refuse_if(bool fault, const std::string& text) {
  if (fault) throw Error(Errc::malformed, text);
}

Hop read_hop(Reader in) {
  Hop out;
  out.user = in.text(limits::user_pattern_bytes);
  out.hostname = in.text();
  if (!in.string().empty()) throw Error(Errc::unsupported, "destination constraint with unknown additions");
  while (!in.empty()) {
    refuse_if(out.keys.size() == limits::hop_keys, "too many host keys in a destination constraint");
    PublicKey key = PublicKey::parse(in.string());
    out.keys.push_back({std::move(key), in.boolean()});
  }
  return out;
}

DestinationConstraint read_destination(Reader in) {
  DestinationConstraint out;
  out.from = read_hop(in.nested());
  out.to = read_hop(in.nested());
  if (!in.string().empty()) throw Error(Errc::unsupported, "destination constraint with unknown additions");
  in.done();
  refuse_if(!out.from.user.empty() || out.from.hostname.empty() != out.from.keys.empty(),
            "destination constraint with an inconsistent origin");
  refuse_if(out.to.hostname.empty() || out.to.keys.empty(), "destination constraint without a destination");
  return out;
}

std::vector<DestinationConstraint> read_destinations(Reader in) {
  // OpenSSH takes an empty list for "no constraint". Whoever sent it wanted one.
  refuse_if(in.empty(), "empty list of destination constraints");
  std::vector<DestinationConstraint> out;
  while (!in.empty()) {
    refuse_if(out.size() == limits::destination_constraints, "too many destination constraints");
    out.push_back(read_destination(in.nested()));
  }
  return out;
}

AssociatedCertificates read_associated_certificates(Reader& in) {
  AssociatedCertificates out;
  out.certificates_only = in.boolean();
  for (Reader list = in.nested(); !list.empty();) {
    refuse_if(out.certificates.size() == limits::associated_certificates, "too many associated certificates");
    out.certificates.push_back(PublicKey::parse(list.string()));
  }
  return out;
}

void read_extension(Constraints& out, Reader& in) {
  const std::string_view name = in.text(limits::name_bytes);
  if (name == restrict_destination) {
    refuse_if(!out.destinations.empty(), "destination constraint given twice");
    out.destinations = read_destinations(in.nested());
  } else if (name == sk_provider_name) {
    refuse_if(out.sk_provider.has_value(), "sk provider given twice");
    out.sk_provider = in.text();
  } else if (name == associated_certs) {
    refuse_if(out.associated_certificates.has_value(), "associated certificates given twice");
    out.associated_certificates = read_associated_certificates(in);
  } else {
    throw Error(Errc::unsupported, "unknown constraint " + printable(name));
  }
}

void write_hop(const Hop& hop, Writer& out) {
  const std::size_t mark = out.begin_string();
  out.string(hop.user).string(hop.hostname).string("");
  for (const Hop::HostKey& host : hop.keys) out.string(host.key.blob).boolean(host.is_ca);
  out.end_string(mark);
}

void write_destination(const DestinationConstraint& destination, Writer& out) {
  const std::size_t mark = out.begin_string();
  write_hop(destination.from, out);
  write_hop(destination.to, out);
  out.string("");
  out.end_string(mark);
}

std::size_t hop_size(const Hop& hop) {
  std::size_t total = sizeof(Hop) + hop.user.size() + hop.hostname.size();
  for (const Hop::HostKey& host : hop.keys) total += sizeof(host) + 2 * host.key.blob.size();
  return total;
}

}  // namespace

Constraints Constraints::read(Reader& in) {
  Constraints out;
  while (!in.empty()) {
    const std::uint8_t type = in.u8();
    if (type == constrain_lifetime) {
      refuse_if(out.lifetime_seconds.has_value(), "lifetime given twice");
      out.lifetime_seconds = in.u32();
    } else if (type == constrain_confirm) {
      refuse_if(out.confirm, "confirm given twice");
      out.confirm = true;
    } else if (type == constrain_extension) {
      read_extension(out, in);
    } else {
      throw Error(Errc::unsupported, "unknown constraint type " + std::to_string(type));
    }
  }
  return out;
}

void Constraints::write(Writer& out) const {
  if (lifetime_seconds) out.u8(constrain_lifetime).u32(*lifetime_seconds);
  if (confirm) out.u8(constrain_confirm);
  if (sk_provider) out.u8(constrain_extension).string(sk_provider_name).string(*sk_provider);
  if (!destinations.empty()) {
    out.u8(constrain_extension).string(restrict_destination);
    const std::size_t mark = out.begin_string();
    for (const DestinationConstraint& destination : destinations) write_destination(destination, out);
    out.end_string(mark);
  }
  if (associated_certificates) {
    out.u8(constrain_extension).string(associated_certs).boolean(associated_certificates->certificates_only);
    const std::size_t mark = out.begin_string();
    for (const PublicKey& certificate : associated_certificates->certificates) out.string(certificate.blob);
    out.end_string(mark);
  }
}

bool Constraints::empty() const {
  return !lifetime_seconds && !confirm && !sk_provider && destinations.empty() && !associated_certificates;
}

std::size_t Constraints::size_bytes() const {
  std::size_t total = sk_provider ? sk_provider->size() : 0;
  for (const DestinationConstraint& destination : destinations) {
    total += hop_size(destination.from) + hop_size(destination.to);
  }
  if (!associated_certificates) return total;
  for (const PublicKey& certificate : associated_certificates->certificates) {
    total += sizeof(certificate) + 2 * certificate.blob.size();
  }
  return total;
}

}  // namespace fob
