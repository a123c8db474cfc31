#include "agent/desktop/notifications.h"

#include <algorithm>
#include <string_view>

namespace fob::desktop {
namespace {

constexpr char service[] = "org.freedesktop.Notifications";
constexpr char path[] = "/org/freedesktop/Notifications";

constexpr std::uint8_t urgency_critical = 2;
constexpr std::int32_t never_expires = 0;

/// For servers that would take a body for markup.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

void Notifications::show(Notify order) {
  if (knows_server_) {
    send(order);
    return;
  }
  const bool asked = !waiting_.empty();
  waiting_.push_back(std::move(order));
  if (!asked) ask_for_capabilities();
}

void Notifications::ask_for_capabilities() {
  const Message call = bus_.new_call(service, path, service, "GetCapabilities");
  bus_.call(call, [this](sd_bus_message* reply) {
    --calls_;
    learn_capabilities(reply);
  });
  ++calls_;
}

void Notifications::learn_capabilities(sd_bus_message* reply) {
  const std::vector<Notify> orders = std::exchange(waiting_, {});
  // No server: the next notification may find one.
  if (reply == nullptr || sd_bus_message_enter_container(reply, 'a', "s") < 0) return;
  for (const char* name = nullptr; sd_bus_message_read(reply, "s", &name) > 0;) {
    takes_body_ = takes_body_ || std::string_view(name) == "body";
    takes_markup_ = takes_markup_ || std::string_view(name) == "body-markup";
  }
  knows_server_ = true;
  for (const Notify& order : orders) send(order);
}

void Notifications::send(const Notify& order) {
  Shown& shown = shown_[order.id];
  if (shown.on_its_way) {
    // Only its number, which the server has not told yet, lets it be replaced.
    shown.withdrawn = false;
    shown.next = order;
    return;
  }
  const std::string body = takes_markup_ ? escaped(order.body) : order.body;
  const std::string summary = takes_body_ ? order.summary : order.summary + ": " + order.body;
  const Message call = bus_.new_call(service, path, service, "Notify");
  // Application, number of the one to replace, icon, texts, no buttons, hints, time.
  checked(sd_bus_message_append(call.get(), "susssasa{sv}i", "fob", shown.server_id, "dialog-password", summary.c_str(),
                                takes_body_ ? body.c_str() : "", 0, 1, "urgency", "y", urgency_critical, never_expires),
          "D-Bus message");
  bus_.call(call, [this, id = order.id](sd_bus_message* reply) {
    --calls_;
    learn_server_id(id, reply);
  });
  ++calls_;
  shown.on_its_way = true;
}

void Notifications::learn_server_id(std::uint32_t id, sd_bus_message* reply) {
  const auto found = shown_.find(id);
  if (found == shown_.end()) return;
  Shown& shown = found->second;
  shown.on_its_way = false;
  std::uint32_t server_id = 0;
  if (reply == nullptr || sd_bus_message_read(reply, "u", &server_id) <= 0) {
    // The server may have gone, and another may come that can do other things.
    knows_server_ = false;
    takes_body_ = false;
    takes_markup_ = false;
    shown_.erase(found);
    return;
  }
  shown.server_id = server_id;
  if (shown.withdrawn) {
    close(server_id);
    shown_.erase(found);
  } else if (const std::optional<Notify> next = std::exchange(shown.next, std::nullopt)) {
    send(*next);
  }
}

void Notifications::withdraw(std::uint32_t id) {
  std::erase_if(waiting_, [id](const Notify& order) { return order.id == id; });
  const auto found = shown_.find(id);
  if (found == shown_.end()) return;
  if (found->second.on_its_way) {
    found->second.withdrawn = true;
    found->second.next.reset();
    return;
  }
  close(found->second.server_id);
  shown_.erase(found);
}

void Notifications::withdraw_all() {
  waiting_.clear();
  std::vector<std::uint32_t> ids;
  for (const auto& [id, shown] : shown_) ids.push_back(id);
  for (const std::uint32_t id : ids) withdraw(id);
}

void Notifications::close(std::uint32_t server_id) {
  const Message call = bus_.new_call(service, path, service, "CloseNotification");
  checked(sd_bus_message_append(call.get(), "u", server_id), "D-Bus message");
  // The person may have closed it: that it fails then is no trouble.
  bus_.call(call, [this](sd_bus_message*) { --calls_; });
  ++calls_;
}

}  // namespace fob::desktop
