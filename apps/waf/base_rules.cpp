#include "apps/waf/base_rules.hpp"

#include <fmt/format.h>

namespace picket::apps::waf {

// Ids 99000000-99000099 are ours: outside of CRS (9xxxxx), its plugins (95xxxxx) and the 200000s of the recommended
// configuration, which an operator may want to load beside this one.
std::string_view base_rules() noexcept {
  return R"conf(
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
SecRule MULTIPART_STRICT_ERROR "!@eq 0" \
  "id:99000011,phase:2,t:none,log,deny,status:400,msg:'Multipart request body is malformed',\
  logdata:'PE %{REQBODY_PROCESSOR_ERROR}, BQ %{MULTIPART_BOUNDARY_QUOTED}, BW %{MULTIPART_BOUNDARY_WHITESPACE}, \
DB %{MULTIPART_DATA_BEFORE}, DA %{MULTIPART_DATA_AFTER}, HF %{MULTIPART_HEADER_FOLDING}, LF %{MULTIPART_LF_LINE}, \
SM %{MULTIPART_MISSING_SEMICOLON}, IQ %{MULTIPART_INVALID_QUOTING}, IP %{MULTIPART_INVALID_PART}, \
IH %{MULTIPART_INVALID_HEADER_FOLDING}, FL %{MULTIPART_FILE_LIMIT_EXCEEDED}',severity:'CRITICAL',tag:'picket/uninspected'"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" \
  "id:99000012,phase:2,t:none,log,deny,status:400,msg:'Multipart request body may hide a part behind its boundary',\
  severity:'CRITICAL',tag:'picket/uninspected'"
SecRule &ARGS "@ge 1000" \
  "id:99000013,phase:2,t:none,log,deny,status:400,msg:'Too many arguments to inspect',severity:'CRITICAL',\
  tag:'picket/uninspected'"
SecRule TX:/^MSC_/ "!@streq 0" \
  "id:99000014,phase:2,t:none,log,deny,msg:'ModSecurity reported an internal error: %{MATCHED_VAR_NAME}',\
  severity:'CRITICAL',tag:'picket/uninspected'"
)conf";
}

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
SecResponseBodyAccess Off
SecAuditEngine Off
)conf",
                                              max_body_size, max_parsed_body_size);
  return text;
}

std::string paranoia_action(int level) {
  return fmt::format(R"(SecAction "id:99000020,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={}")"
                     "\n",
                     level);
}

}  // namespace picket::apps::waf
