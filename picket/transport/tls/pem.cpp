#include "picket/transport/tls/pem.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <initializer_list>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "picket/transport/tls/options.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
namespace {

constexpr std::size_t most_bytes = 8 * 1024 * 1024;  // the CAs of a system have some 200 KiB

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

struct FreesBio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreesBio>;

struct File {
  std::string bytes;
  mode_t mode = 0;
};

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

base::Error unreadable(const std::string& path, std::string_view what) {
  return refused(fmt::format("cannot read {} {}: {}", what, path, std::generic_category().message(errno)));
}

/// Mode and bytes are of one and the same file, whatever is put in its place meanwhile.
base::Result<File> read_file(const std::string& path, std::string_view what) {
  const OpenFile file{path};
  struct stat status{};
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &status) != 0) return unreadable(path, what);
  if (!S_ISREG(status.st_mode)) return refused(fmt::format("{} {} is no file", what, path));
  File out{.bytes = {}, .mode = status.st_mode};
  std::array<char, 16384> bytes;
  ssize_t size = 0;
  while ((size = ::read(file.descriptor(), bytes.data(), bytes.size())) > 0) {
    out.bytes.append(bytes.data(), static_cast<std::size_t>(size));
    if (out.bytes.size() > most_bytes) return refused(fmt::format("{} {} has over 8 MiB", what, path));
  }
  if (size < 0) return unreadable(path, what);
  return out;
}

Bio bio_of(const std::string& bytes) { return Bio{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))}; }

/// Notes that a passphrase was asked for; there is none.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

void FreesPem::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }
void FreesPem::operator()(x509_st* certificate) const noexcept { X509_free(certificate); }

namespace {

std::string edition_of_files(std::initializer_list<const std::string*> files) {
  std::string edition;
  for (const std::string* file : files) {
    struct stat status{};
    if (file->empty() || ::stat(file->c_str(), &status) != 0) continue;
    edition +=
        fmt::format("{}:{}:{}.{:09};", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return edition;
}

}  // namespace

std::string edition_of(const ClientOptions& options) {
  return edition_of_files({&options.ca_file, &options.certificate_file, &options.key_file});
}

std::string edition_of(const ServerOptions& options) {
  std::string edition =
      edition_of_files({&options.certificate_file, &options.key_file, &options.client_ca_file, &options.ocsp_file});
  for (const NamedCertificate& named : options.named)
    edition += edition_of_files({&named.certificate_file, &named.key_file, &named.ocsp_file});
  return edition;
}

base::Result<std::string> read_bytes(const std::string& path, std::string_view what) {
  auto file = read_file(path, what);
  if (!file) return file.error();
  return std::move(file->bytes);
}

std::string date_of(const ASN1_TIME& time) {
  std::tm date{};
  if (ASN1_TIME_to_tm(&time, &date) != 1) return "an unknown date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
                     date.tm_hour, date.tm_min, date.tm_sec);
}

base::Result<std::vector<Certificate>> read_certificates(const std::string& path) {
  const auto file = read_file(path, "the certificate file");
  if (!file) return file.error();
  const Bio bio = bio_of(file->bytes);
  std::vector<Certificate> certificates;
  ERR_clear_error();
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    certificates.push_back(std::move(next));
  const unsigned long error = ERR_peek_last_error();
  const bool at_the_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_the_end)
    return refused(fmt::format("the certificate file {}: certificate {} cannot be read: {}", path,
                               certificates.size() + 1, last_reason()));
  if (certificates.empty())
    return refused(
        fmt::format("the certificate file {} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path));
  ERR_clear_error();
  return certificates;
}

base::Result<PrivateKey> read_key(const std::string& path) {
  const auto file = read_file(path, "the key file");
  if (!file) return file.error();
  if ((file->mode & (S_IROTH | S_IWOTH)) != 0)
    return refused(
        fmt::format("the key file {} is open to everybody (mode {:04o}); chmod o-rwx it, in Kubernetes set "
                    "the volume's defaultMode to 0440",
                    path, file->mode & 07777));
  const Bio bio = bio_of(file->bytes);
  bool is_encrypted = false;
  ERR_clear_error();
  PrivateKey key{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &is_encrypted)};
  if (is_encrypted)
    return refused(
        fmt::format("the key file {} has a passphrase, which nobody is there to enter; write it without one: "
                    "openssl pkey -in {} -out NEW",
                    path, path));
  if (!key) return refused(fmt::format("the key file {} holds no private key in PEM: {}", path, last_reason()));
  return key;
}

namespace {

struct FreesNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// Empty where it is of a kind that is not shown.
std::string text_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS || name.type == GEN_URI || name.type == GEN_EMAIL) return text_of(name.d.ia5);
  if (name.type != GEN_IPADD) return {};
  const std::string bytes = text_of(name.d.iPAddress);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  return ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr ? std::string{} : text.data();
}

}  // namespace

std::string text_of(const X509_NAME& name) {
  const Bio bio{BIO_new(BIO_s_mem())};
  X509_NAME_print_ex(bio.get(), &name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
}

std::string name_of(const X509& certificate) {
  const std::unique_ptr<GENERAL_NAMES, FreesNames> names{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
    if (std::string text = text_of(*sk_GENERAL_NAME_value(names.get(), i)); !text.empty()) return text;
  return text_of(*X509_get_subject_name(&certificate));
}

}  // namespace picket::transport::tls
