#include "tests/virtual/program/control.h"

#include <sstream>

#include "protocol/error.h"

namespace fob::virt {
namespace {

std::string json(const Status& status) {
  std::ostringstream out;
  out << std::boolalpha << "{\"plugged\":" << status.plugged << ",\"plugs\":" << status.plugs
      << ",\"pin_retries\":" << status.pin_retries << ",\"pin_attempts\":" << status.pin_attempts
      << ",\"waiting\":" << status.waiting << ",\"touch_requests\":" << status.touch_requests
      << ",\"cancels\":" << status.cancels << ",\"counter\":" << status.counter << ",\"resident\":" << status.residents
      << ",\"commands\":{";
  const char* separator = "";
  for (const auto& [name, count] : status.commands) {
    out << separator << "\"" << name << "\":" << count;
    separator = ",";
  }
  out << "}}";
  return out.str();
}

std::string unplug_at(std::istream& words, Authenticator& token) {
  static const std::map<std::string, UnplugRule::Phase> phases{{"arrival", UnplugRule::Phase::arrival},
                                                               {"keepalives", UnplugRule::Phase::keepalives},
                                                               {"reply", UnplugRule::Phase::reply},
                                                               {"mid-reply", UnplugRule::Phase::mid_reply}};
  std::string command;
  std::string phase;
  std::string count = "1";
  words >> command >> phase >> count;
  const std::optional<unsigned> byte = parse_number(command, 0xff);
  const auto found = phases.find(phase);
  const std::optional<unsigned> keepalives = parse_number(count.empty() ? "1" : count, 1'000'000);
  if (!byte || found == phases.end() || !keepalives) return "error: unplug-at CMD PHASE [N]";
  token.unplug_at({static_cast<std::uint8_t>(*byte), found->second, *keepalives});
  return "ok";
}

}  // namespace

std::string answer_line(const std::string& line, Device& device, bool& quit) try {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  Authenticator& token = device.token();
  if (verb == "touch") return token.touch() ? "ok" : "error: nobody waits for a touch";
  if (verb == "touch-mode") {
    std::string mode;
    words >> mode;
    const std::optional<TouchPolicy> policy = parse_touch(mode);
    if (!policy) return "error: touch-mode auto|manual|MILLISECONDS";
    device.set_touch(*policy);
    return "ok";
  }
  if (verb == "status") return json(token.status());
  if (verb == "unplug-at") return unplug_at(words, token);
  if (verb == "unplug") {
    device.unplug();
  } else if (verb == "plug") {
    device.plug();
    if (device.failed()) return "error: cannot plug in";
  } else if (verb == "reset-state") {
    token.factory_reset();
  } else if (verb == "quit") {
    quit = true;
  } else {
    return "error: unknown command";
  }
  return "ok";
} catch (const Error& error) {
  return std::string("error: ") + error.what();
}

}  // namespace fob::virt
