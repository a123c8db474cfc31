#pragma once

#include <string>

namespace fob {

enum class LogLevel { error, info, debug };

/// Where the log goes and how much: the command line says it once, before anything else logs.
struct LogSettings {
  bool to_syslog = false;  ///< in the background; else standard error
  LogLevel most = LogLevel::info;
};
void set_log(const LogSettings& settings);

/// Whether a message of this level would be written now; spares composing it. A message that is not composed because
/// of a flood (more than 200 lines a second) counts as left out.
bool logs(LogLevel level);

/// One line. Never a secret; text from clients goes through printable() first. A full pipe or a flood loses lines
/// rather than time; how many were left out is logged.
/// Threads: the main one only.
void log(LogLevel level, const std::string& text);

inline void log_error(const std::string& text) { log(LogLevel::error, text); }
inline void log_info(const std::string& text) { log(LogLevel::info, text); }
inline void log_debug(const std::string& text) { log(LogLevel::debug, text); }

}  // namespace fob
