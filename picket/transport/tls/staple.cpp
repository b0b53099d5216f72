#include "picket/transport/tls/staple.hpp"

#include <memory>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "picket/transport/tls/native.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
namespace {

struct Frees {
  void operator()(OCSP_RESPONSE* response) const noexcept { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* response) const noexcept { OCSP_BASICRESP_free(response); }
};
template <class T>
using Owned = std::unique_ptr<T, Frees>;

/// What a response says of one certificate.
struct Verdict {
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  const ASN1_GENERALIZEDTIME* next_update = nullptr;  // the response's
};

/// Serial numbers are an issuer's own: the one who answers was asked about ours.
std::optional<Verdict> verdict_on(const X509& certificate, OCSP_BASICRESP& basic) {
  for (int i = 0; i < OCSP_resp_count(&basic); ++i) {
    OCSP_SINGLERESP* const single = OCSP_resp_get0(&basic, i);
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
    if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(&certificate)) != 0) continue;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    const int status = OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next_update);
    return Verdict{.status = status, .next_update = next_update};
  }
  return std::nullopt;
}

std::optional<std::time_t> seconds_of(const ASN1_TIME* time) {
  std::tm date{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &date) != 1) return std::nullopt;
  return ::timegm(&date);
}

}  // namespace

base::Result<Staple> Staple::read(const std::string& file, const x509_st& certificate,
                                  std::vector<std::string>& warnings) {
  auto bytes = read_bytes(file, "the OCSP file");
  if (!bytes) return bytes.error();
  const auto* start = reinterpret_cast<const unsigned char*>(bytes->data());
  const Owned<OCSP_RESPONSE> response{d2i_OCSP_RESPONSE(nullptr, &start, static_cast<long>(bytes->size()))};
  const Owned<OCSP_BASICRESP> basic{response ? OCSP_response_get1_basic(response.get()) : nullptr};
  ERR_clear_error();
  if (!basic)
    return refused(fmt::format("the OCSP file {} holds no response in DER; `openssl ocsp -respout` writes one", file));
  const auto verdict = verdict_on(certificate, *basic);
  if (!verdict)
    return refused(
        fmt::format("the OCSP file {} is about another certificate than that of {}", file, name_of(certificate)));
  if (verdict->status != V_OCSP_CERTSTATUS_GOOD)
    warnings.push_back(fmt::format("the OCSP file {} says that the certificate of {} is {}", file, name_of(certificate),
                                   OCSP_cert_status_str(verdict->status)));
  Staple staple{.response = std::move(*bytes), .expires = seconds_of(verdict->next_update)};
  if (staple.expires && *staple.expires <= std::time(nullptr))
    warnings.push_back(fmt::format("the OCSP file {} was good until {}, and is not shown any more: fetch a new one",
                                   file, date_of(*verdict->next_update)));
  return staple;
}

}  // namespace picket::transport::tls
