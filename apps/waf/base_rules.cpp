#include "apps/waf/base_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace picket::apps::waf {

namespace {

// Ids 99000000-99000099 are ours: outside of CRS (9xxxxx), its plugins (95xxxxx) and the 200000s of the recommended
// configuration, which an operator may want to load beside this one.
constexpr std::string_view fixed_rules = R"conf(
# Which body is parsed as what. A form (urlencoded, multipart) is recognised by the library itself.
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application|text)/(?:[a-z0-9!#$&^_.+-]*\+)?xml(?:[;\s]|$)" \
  "id:99000001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application|text)/(?:[a-z0-9!#$&^_.+-]*\+)?(?:json|csp-report)(?:[;\s]|$)" \
  "id:99000002,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"

# What could not be inspected whole does not pass.
SecRule REQBODY_ERROR_MSG "@beginsWith Request body excluding files is bigger" \
  "id:99000009,phase:2,t:none,log,deny,status:413,msg:'Request body without its files is over SecRequestBodyNoFilesLimit',\
  severity:'CRITICAL',tag:'picket/uninspected'"
SecRule REQBODY_ERROR "!@eq 0" \
  "id:99000010,phase:2,t:none,log,deny,status:400,msg:'Request body could not be parsed',\
  logdata:'%{reqbody_error_msg}',severity:'CRITICAL',tag:'picket/uninspected'"
# What makes up MULTIPART_STRICT_ERROR but for a quoted boundary, which is legal (RFC 2046 5.1.1) and which some clients
# always send.
SecRule REQBODY_PROCESSOR_ERROR|MULTIPART_BOUNDARY_WHITESPACE|MULTIPART_DATA_BEFORE|MULTIPART_DATA_AFTER|MULTIPART_HEADER_FOLDING|MULTIPART_LF_LINE|MULTIPART_MISSING_SEMICOLON|MULTIPART_INVALID_QUOTING|MULTIPART_INVALID_PART|MULTIPART_INVALID_HEADER_FOLDING|MULTIPART_FILE_LIMIT_EXCEEDED "!@within 0" \
  "id:99000011,phase:2,t:none,log,deny,status:400,msg:'Multipart request body is malformed',\
  logdata:'PE %{REQBODY_PROCESSOR_ERROR}, BW %{MULTIPART_BOUNDARY_WHITESPACE}, \
DB %{MULTIPART_DATA_BEFORE}, DA %{MULTIPART_DATA_AFTER}, HF %{MULTIPART_HEADER_FOLDING}, LF %{MULTIPART_LF_LINE}, \
SM %{MULTIPART_MISSING_SEMICOLON}, IQ %{MULTIPART_INVALID_QUOTING}, IP %{MULTIPART_INVALID_PART}, \
IH %{MULTIPART_INVALID_HEADER_FOLDING}, FL %{MULTIPART_FILE_LIMIT_EXCEEDED}',severity:'CRITICAL',tag:'picket/uninspected'"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" \
  "id:99000012,phase:2,t:none,log,deny,status:400,msg:'Multipart request body may hide a part behind its boundary',\
  severity:'CRITICAL',tag:'picket/uninspected'"
SecRule &ARGS "@ge 1000" \
  "id:99000013,phase:2,t:none,log,deny,status:400,msg:'Too many arguments to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule &MULTIPART_PART_HEADERS "@gt 1000" \
  "id:99000021,phase:2,t:none,log,deny,status:400,msg:'Too many headers of parts to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule &FILES|&FILES_NAMES "@gt 100" \
  "id:99000022,phase:2,t:none,log,deny,status:400,msg:'Too many files to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule &XML://@* "@gt 1000" \
  "id:99000016,phase:2,t:none,log,deny,status:400,msg:'Too many XML attributes to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule REQUEST_HEADERS:Content-Type "@rx ^\s*multipart/form-data" \
  "id:99000017,phase:2,t:none,t:lowercase,log,deny,status:400,msg:'Multipart request body without a boundary',\
  severity:'CRITICAL',tag:'picket/uninspected',chain"
  SecRule REQUEST_BODY_LENGTH "@gt 0" "t:none,chain"
  SecRule REQUEST_HEADERS:Content-Type "!@rx boundary\s*=\s*\"?[^\s\";,]" "t:none,t:lowercase"
SecRule TX:/^MSC_/ "!@streq 0" \
  "id:99000014,phase:2,t:none,log,deny,msg:'ModSecurity reported an internal error: %{MATCHED_VAR_NAME}',\
  severity:'CRITICAL',tag:'picket/uninspected'"
)conf";

std::string value_limit() {
  return fmt::format(R"conf(
SecRule ARGS|ARGS_NAMES|XML:/*|XML://@* "@gt {0}" \
  "id:99000015,phase:2,t:none,t:length,log,deny,status:413,msg:'A value is over {0} bytes',\
  severity:'CRITICAL',tag:'picket/uninspected'"
)conf",
                     max_value_size);
}

/// What a rule looks at; empty for a line that is no rule.
std::string_view targets_of(std::string_view line) {
  constexpr std::string_view directive = "SecRule ";
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos || !line.substr(begin).starts_with(directive)) return {};
  line.remove_prefix(begin + directive.size());
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.substr(0, line.find_first_of(" \t"));
}

/// Whether a target of its own stands there: not an exclusion, a count or a part of another.
bool is_target_at(std::string_view targets, std::size_t at, std::size_t size) {
  const bool begins = at == 0 || targets[at - 1] == '|' || targets[at - 1] == '"';
  const bool ends = at + size == targets.size() || targets[at + size] == '|' || targets[at + size] == '"';
  return begins && ends && targets.find("XML://@*") == std::string_view::npos;
}

}  // namespace

std::string base_rules() { return std::string(fixed_rules) + value_limit(); }

std::string_view default_directives() noexcept {
  static const std::string text = fmt::format(R"conf(
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit {}
SecRequestBodyLimitAction Reject
# Forms, JSON and XML, whose values every rule reads; files in a multipart body may fill the limit above. Some patterns of CRS
# take time that grows with the square of a value: 128 KiB of quotes are 12 s of a thread, 1 MiB would be 12 minutes.
SecRequestBodyNoFilesLimit {}
SecRequestBodyJsonDepthLimit 128
SecArgumentsLimit 1000
SecXmlExternalEntity Off
SecUploadKeepFiles Off
# Answers come where the route's events say so.
SecResponseBodyAccess On
SecResponseBodyLimit {}
SecAuditEngine Off
# CRS's rule about the charset of a part finds the library's CR LF behind it.
SecRuleUpdateActionById 922110 "t:trimRight"
# Each costs every rule about cookies or fields a little: 4,000 cookies took 3 s. At the end of phase 1, when CRS has set its
# variables: libmodsecurity leaks memory in phase 5 where they are missing.
SecRule &REQUEST_COOKIES "@gt 200" \
  "id:99000018,phase:1,t:none,log,deny,status:400,msg:'Too many cookies to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule &REQUEST_HEADERS "@gt 300" \
  "id:99000019,phase:1,t:none,log,deny,status:431,msg:'Too many header fields to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
)conf",
                                              max_body_size, max_parsed_body_size, max_response_body_size);
  return text;
}

std::string with_xml_attributes(std::string_view rules) {
  constexpr std::string_view text = "XML:/*";
  constexpr std::string_view attributes = "|XML://@*";
  std::string result;
  while (!rules.empty()) {
    const std::string_view line = rules.substr(0, rules.find('\n'));
    const auto targets = targets_of(line);
    const auto at = targets.find(text);
    const auto end = static_cast<std::size_t>(targets.data() - line.data()) + at + text.size();
    const bool is_target = at != std::string_view::npos && is_target_at(targets, at, text.size());
    result += is_target ? line.substr(0, end) : line;
    if (is_target) result.append(attributes).append(line.substr(end));
    rules.remove_prefix(line.size());
    if (!rules.empty()) result += '\n';
    rules.remove_prefix(rules.empty() ? 0 : 1);
  }
  return result;
}

std::string paranoia_action(int level) {
  return fmt::format(R"(SecAction "id:99000020,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={}")"
                     "\n",
                     level);
}

}  // namespace picket::apps::waf
