#include "apps/guard/recognisers/national_id_schemes.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "apps/guard/check_digits.hpp"

namespace picket::apps::guard {
namespace {

int digit(std::string_view number, std::size_t at) { return number[at] - '0'; }

bool is_one_digit(std::string_view number) {
  return number.find_first_not_of(number.front()) == std::string_view::npos;
}

/// YYMMDD at `at`.
bool has_date(std::string_view number, std::size_t at = 0) {
  return is_day(number_at(number, at + 2, 2), number_at(number, at + 4, 2));
}
/// DDMMYY at the beginning.
bool has_day_first(std::string_view number) { return is_day(number_at(number, 2, 2), number_at(number, 0, 2)); }

template <std::size_t n>
int sum_of(std::string_view number, const std::array<int, n>& weights) {
  return weighted_sum(number, weights);
}

/// A check digit of 11 less the remainder; 0 where that would have two digits.
int check_11(int sum) {
  const int rest = 11 - sum % 11;
  return rest >= 10 ? 0 : rest;
}

// ---- North America

bool is_ssn(std::string_view n) {
  const int area = number_at(n, 0, 3);
  const bool is_reserved = area == 0 || area == 666 || area >= 900;
  const bool is_example = n == "078051120" || n == "219099999" || is_one_digit(n);
  return !is_reserved && !is_example && number_at(n, 3, 2) != 0 && number_at(n, 5, 4) != 0;
}
bool is_itin(std::string_view n) {
  const int group = number_at(n, 3, 2);
  return n[0] == '9' &&
         ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 99 && group != 93));
}
bool is_sin(std::string_view n) { return n[0] != '0' && n[0] != '8' && passes_luhn(n); }
bool is_curp(std::string_view n) {
  constexpr std::string_view values = "0123456789ABCDEFGHIJKLMN*OPQRSTUVWXYZ";  // Ñ is 24
  if (!is_day(number_at(n, 6, 2), number_at(n, 8, 2)) || (n[10] != 'H' && n[10] != 'M' && n[10] != 'X')) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) sum += static_cast<int>(values.find(n[i])) * static_cast<int>(18 - i);
  return (10 - sum % 10) % 10 == digit(n, 17);
}

// ---- Great Britain, Ireland

bool is_nino(std::string_view n) {
  constexpr std::string_view never_first = "DFIQUV";
  constexpr std::string_view never_second = "DFIOQUV";
  for (const std::string_view pair : {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
    if (n.starts_with(pair)) return false;
  return never_first.find(n[0]) == std::string_view::npos && never_second.find(n[1]) == std::string_view::npos &&
         n[8] <= 'D';
}
bool is_nhs(std::string_view n) {
  const int rest = 11 - sum_of<9>(n, {10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return rest != 10 && rest % 11 == digit(n, 9);
}
bool is_ppsn(std::string_view n) {
  int sum = sum_of<7>(n, {8, 7, 6, 5, 4, 3, 2});
  if (n.size() == 9 && n[8] != 'W') sum += (n[8] - 'A' + 1) * 9;
  return n[7] == (sum % 23 == 0 ? 'W' : static_cast<char>('A' + sum % 23 - 1));
}

// ---- Romance countries

bool is_dni(std::string_view n) { return n[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[number_at(n, 0, 8) % 23]; }
bool is_nie(std::string_view n) {
  const std::size_t first = std::string_view{"XYZ"}.find(n[0]);
  if (first == std::string_view::npos) return false;
  return n[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[(static_cast<int>(first) * 10'000'000 + number_at(n, 1, 7)) % 23];
}
bool is_codice_fiscale(std::string_view n) {
  constexpr std::array<int, 26> odd{1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                    20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  if (std::string_view{"ABCDEHLMPRST"}.find(n[8]) == std::string_view::npos) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    const bool is_letter = n[i] >= 'A';
    const int value = is_letter ? n[i] - 'A' : n[i] - '0';
    sum += i % 2 == 0 ? odd[static_cast<std::size_t>(value)] : value;
  }
  return n[15] == static_cast<char>('A' + sum % 26);
}
/// Corsica's departments are 2A and 2B.
bool is_nir(std::string_view n) {
  if (std::string_view{"123478"}.find(n[0]) == std::string_view::npos) return false;
  const int month = number_at(n, 3, 2);
  if (month == 0 || (month > 12 && month < 20) || (month > 42 && month < 50)) return false;
  std::string number{n.substr(0, 13)};
  long long correction = 0;
  if (number[6] == 'A') correction = 1'000'000;
  if (number[6] == 'B') correction = 2'000'000;
  if (number[6] > '9' && correction == 0) return false;
  if (correction != 0) number[6] = '0';
  const long long value = std::stoll(number) - correction;
  return 97 - value % 97 == number_at(n, 13, 2);
}
bool is_nif_of_portugal(std::string_view n) {
  return n[0] != '0' && check_11(sum_of<8>(n, {9, 8, 7, 6, 5, 4, 3, 2})) == digit(n, 8);
}
bool is_cnp(std::string_view n) {
  const int rest = sum_of<12>(n, {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9}) % 11;
  return n[0] != '0' && has_date(n, 1) && (rest == 10 ? 1 : rest) == digit(n, 12);
}

// ---- Benelux, Germany, Austria, Switzerland

bool is_bsn(std::string_view n) {
  return !is_one_digit(n) && (sum_of<8>(n, {9, 8, 7, 6, 5, 4, 3, 2}) - digit(n, 8)) % 11 == 0 &&
         number_at(n, 0, 9) > 9'999'999;
}
bool is_rijksregister(std::string_view n) {
  const int month = number_at(n, 2, 2) % 20;  // 20 and 40 are added where the sex is not known
  const int check = number_at(n, 9, 2);
  const long long number = number_at(n, 0, 9);
  const bool of_1900 = 97 - number % 97 == check;
  const bool of_2000 = 97 - (number + 2'000'000'000LL) % 97 == check;
  return month <= 12 && number_at(n, 4, 2) <= 31 && (of_1900 || of_2000);
}
bool is_steuer_id(std::string_view n) {
  std::array<int, 10> counts{};
  for (std::size_t i = 0; i < 10; ++i) ++counts[static_cast<std::size_t>(digit(n, i))];
  const auto repeated = std::count_if(counts.begin(), counts.end(), [](int count) { return count > 1; });
  return n[0] != '0' && repeated == 1 && *std::max_element(counts.begin(), counts.end()) <= 3 && passes_mod_11_10(n);
}
bool is_svnr(std::string_view n) {
  const int sum = sum_of<10>(n, {3, 7, 9, 0, 5, 8, 4, 2, 1, 6});
  return n[0] != '0' && number_at(n, 4, 2) <= 31 && number_at(n, 6, 2) <= 15 && sum % 11 == digit(n, 3);
}
bool is_ahv(std::string_view n) {
  return n.starts_with("756") && (10 - sum_of<12>(n, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3}) % 10) % 10 == digit(n, 12);
}

// ---- The north

bool is_personnummer(std::string_view n) {
  const std::string_view ten = n.substr(n.size() - 10);
  const int day = number_at(ten, 4, 2);
  return is_day(number_at(ten, 2, 2), day > 60 ? day - 60 : day) && passes_luhn(ten);
}
bool is_hetu(std::string_view n) {  // DDMMYY, perhaps a letter for the century, three digits, a check character
  const std::string_view digits = n.substr(n.size() - 4, 3);
  const long long value = number_at(n, 0, 6) * 1000LL + number_at(digits, 0, 3);
  const bool has_century = n.size() == 10 || std::string_view{"ABCDEFYXWVU"}.find(n[6]) != std::string_view::npos;
  return has_century && has_day_first(n) && digits.find_first_not_of("0123456789") == std::string_view::npos &&
         n.back() == "0123456789ABCDEFHJKLMNPRSTUVWXY"[value % 31];
}
bool is_cpr(std::string_view n) { return has_day_first(n); }
bool is_fodselsnummer(std::string_view n) {
  const int day = number_at(n, 0, 2);
  return is_day(number_at(n, 2, 2) % 40, day > 40 ? day - 40 : day) &&
         (sum_of<9>(n, {3, 7, 6, 1, 8, 9, 4, 5, 2}) + digit(n, 9)) % 11 == 0 &&
         (sum_of<10>(n, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) + digit(n, 10)) % 11 == 0;
}

// ---- The east

bool is_pesel(std::string_view n) {
  return is_day(number_at(n, 2, 2) % 20, number_at(n, 4, 2)) &&
         (sum_of<10>(n, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}) + digit(n, 10)) % 10 == 0;
}
bool is_rodne_cislo(std::string_view n) {
  int month = number_at(n, 2, 2) % 50;
  if (month > 20) month -= 20;
  long long value = 0;
  for (const char c : n) value = value * 10 + (c - '0');
  return is_day(month, number_at(n, 4, 2)) && value % 11 == 0;
}
bool is_egn(std::string_view n) {
  return is_day(number_at(n, 2, 2) % 20, number_at(n, 4, 2)) &&
         sum_of<9>(n, {2, 4, 8, 5, 10, 9, 7, 3, 6}) % 11 % 10 == digit(n, 9);
}
bool is_isikukood(std::string_view n) {
  int rest = sum_of<10>(n, {1, 2, 3, 4, 5, 6, 7, 8, 9, 1}) % 11;
  if (rest == 10) rest = sum_of<10>(n, {3, 4, 5, 6, 7, 8, 9, 1, 2, 3}) % 11 % 10;
  return n[0] >= '1' && n[0] <= '6' && has_date(n, 1) && rest == digit(n, 10);
}
bool is_kimlik(std::string_view n) {
  const int odd = digit(n, 0) + digit(n, 2) + digit(n, 4) + digit(n, 6) + digit(n, 8);
  const int even = digit(n, 1) + digit(n, 3) + digit(n, 5) + digit(n, 7);
  return n[0] != '0' && (odd * 7 - even + 100) % 10 == digit(n, 9) && (odd + even + digit(n, 9)) % 10 == digit(n, 10);
}

// ---- Others

bool is_cpf(std::string_view n) {
  const int first = check_11(sum_of<9>(n, {10, 9, 8, 7, 6, 5, 4, 3, 2}));
  const int second = check_11(sum_of<10>(n, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2}));
  return !is_one_digit(n) && first == digit(n, 9) && second == digit(n, 10);
}
bool is_rut(std::string_view n) {
  int sum = 0;
  int weight = 2;
  for (std::size_t i = n.size() - 1; i-- > 0; weight = weight == 7 ? 2 : weight + 1) sum += digit(n, i) * weight;
  const int rest = 11 - sum % 11;
  return n.back() == (rest == 11 ? '0' : rest == 10 ? 'K' : static_cast<char>('0' + rest));
}
bool is_cuit(std::string_view n) {
  const int kind = number_at(n, 0, 2);
  const int rest = 11 - sum_of<10>(n, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11;
  const int check = rest == 11 ? 0 : rest == 10 ? 9 : rest;
  return ((kind >= 20 && kind <= 27) || (kind >= 30 && kind <= 34)) && check == digit(n, 10);
}
bool is_aadhaar(std::string_view n) { return n[0] >= '2' && !is_one_digit(n) && passes_verhoeff(n); }
bool is_pan(std::string_view n) { return std::string_view{"ABCFGHJLPT"}.find(n[3]) != std::string_view::npos; }
bool is_chinese_id(std::string_view n) {
  const int year = number_at(n, 6, 4);
  const int sum = sum_of<17>(n, {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2});
  return n[0] != '0' && year >= 1850 && year < 2100 && is_day(number_at(n, 10, 2), number_at(n, 12, 2)) &&
         n[17] == "10X98765432"[sum % 11];
}
/// Numbers given since October 2020 have no check digit: with the date it is shape enough where it is hyphenated.
bool is_rrn(std::string_view n) { return has_date(n) && n[6] >= '1' && n[6] <= '8'; }
bool is_my_number(std::string_view n) {
  return check_11(sum_of<11>(n, {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2})) == digit(n, 11);
}
bool is_south_african(std::string_view n) { return has_date(n) && n[10] <= '1' && passes_luhn(n); }
bool is_tfn(std::string_view n) { return sum_of<9>(n, {1, 4, 3, 7, 5, 8, 6, 9, 10}) % 11 == 0; }
bool is_teudat_zehut(std::string_view n) { return passes_luhn(n) && !is_one_digit(n); }

constexpr std::string_view social = "ssn|social security|social-security|social sec|taxpayer";

/// The most particular spellings first: the first that fits counts.
constexpr Scheme schemes[] = {
    {"Italian codice fiscale", "AAA_AAA_99A99_A999A", is_codice_fiscale, "", 0.98F},
    {"Mexican CURP", "AAAA999999AAAAAAX9", is_curp, "", 0.98F},
    {"Chinese resident identity number", "99999999999999999X", is_chinese_id, "", 0.95F},
    {"UK National Insurance number", "AA_99_99_99_A", is_nino, "", 0.9F},
    {"Spanish NIE", "A_9999999_A", is_nie, "", 0.9F},
    {"Spanish DNI", "99999999_A", is_dni, "", 0.9F},
    {"Spanish DNI", "99.999.999_A", is_dni, "", 0.95F},
    {"Irish PPSN", "9999999AA", is_ppsn, "", 0.85F},
    {"Irish PPSN", "9999999A", is_ppsn, "", 0.8F},
    {"Indian PAN", "UUUUU9999U", is_pan, "", 0.75F},
    {"French NIR", "9_99_99_9X_999_999_99", is_nir, "", 0.95F},
    {"Swiss AHV number", "999_9999_9999_99", is_ahv, "", 0.95F},
    {"Brazilian CPF", "999.999.999-99", is_cpf, "", 0.95F},
    {"Belgian national number", "99.99.99-999.99", is_rijksregister, "", 0.95F},
    {"Belgian national number", "99.99.99-999-99", is_rijksregister, "", 0.95F},
    {"Czech or Slovak birth number", "999999/9999", is_rodne_cislo, "", 0.85F},
    {"Korean resident registration number", "999999-9999999", is_rrn, "", 0.85F},
    {"Danish CPR number", "999999-9999", is_cpr, "cpr|danish", 0.8F},
    {"Swedish personal number", "99999999-9999", is_personnummer, "", 0.85F},
    {"Swedish personal number", "999999-9999", is_personnummer, "", 0.75F},
    {"Swedish personal number", "999999+9999", is_personnummer, "", 0.8F},
    {"Finnish personal identity code", "999999-999X", is_hetu, "", 0.85F},
    {"Finnish personal identity code", "999999+999X", is_hetu, "", 0.85F},
    {"Finnish personal identity code", "999999A999X", is_hetu, "", 0.9F},
    {"US SSN", "999-99-9999", is_ssn, "", 0.85F},
    {"US SSN", "999 99 9999", is_ssn, "", 0.7F},
    {"US SSN", "999.99.9999", is_ssn, social, 0.8F},
    {"US SSN", "999.99.9999", is_ssn, "", 0.55F, "version|release|build|firmware|driver|chapter|section"},
    {"US SSN", "999999999", is_ssn, social, 0.8F},
    {"US ITIN", "999-99-9999", is_itin, "", 0.8F},
    {"Argentine CUIT", "99-99999999-9", is_cuit, "", 0.9F},
    {"Chilean RUT", "99.999.999-X", is_rut, "", 0.9F},
    {"Chilean RUT", "9.999.999-X", is_rut, "", 0.9F},
    {"Chilean RUT", "99999999-X", is_rut, "rut|run ", 0.85F},
    {"Indian Aadhaar number", "9999 9999 9999", is_aadhaar, "", 0.75F},
    {"Indian Aadhaar number", "9999-9999-9999", is_aadhaar, "", 0.75F},
    {"Indian Aadhaar number", "9999_9999_9999", is_aadhaar, "aadhaar|aadhar|uidai|uid ", 0.9F},
    {"Japanese My Number", "9999_9999_9999", is_my_number, "my number|mynumber|マイナンバー|個人番号", 0.85F},
    {"South African identity number", "999999_9999_999", is_south_african, "", 0.75F},
    {"Romanian CNP", "9999999999999", is_cnp, "", 0.75F},
    {"Norwegian national identity number", "999999_99999", is_fodselsnummer, "", 0.8F},
    {"Austrian social security number", "9999_999999", is_svnr, "svnr|sozialversicherung|sv-n|austria|österreich",
     0.85F},
    {"German tax id", "99_999_999_999", is_steuer_id, "steuer|idnr|tax id|tin|identifikationsnummer", 0.9F},
    {"Belgian national number", "99999999999", is_rijksregister, "rijksregister|national|niss|insz|registre|belg",
     0.85F},
    {"Brazilian CPF", "99999999999", is_cpf, "", 0.65F},
    {"Turkish identity number", "99999999999", is_kimlik, "", 0.6F},
    {"Polish PESEL", "99999999999", is_pesel, "", 0.65F},
    {"Estonian or Lithuanian personal code", "99999999999", is_isikukood,
     "isikukood|asmens|personal code|estonia|lithuania|id code", 0.85F},
    {"Croatian OIB", "99999999999", passes_mod_11_10, "oib|croat|hrvat", 0.85F},
    {"UK NHS number", "999_999_9999", is_nhs, "nhs", 0.9F},
    {"Bulgarian EGN", "9999999999", is_egn, "egn|егн|bulgaria", 0.85F},
    {"Dutch BSN", "999_999_999", is_bsn, "bsn|burgerservice|sofi|citizen service", 0.9F},
    {"Dutch BSN", "9999_99_999", is_bsn, "bsn|burgerservice|sofi|citizen service", 0.9F},
    {"Portuguese NIF", "999_999_999", is_nif_of_portugal, "nif|contribuinte|portug", 0.85F},
    {"Canadian SIN", "999_999_999", is_sin, "sin|social insurance|nas |canad", 0.85F},
    {"Australian TFN", "999_999_999", is_tfn, "tfn|tax file", 0.9F},
    {"Israeli identity number", "99999999_9", is_teudat_zehut, "zehut|israel|תעודת", 0.85F},
};

}  // namespace

Check check_of(const Scheme& scheme) noexcept {
  constexpr bool (*none[])(std::string_view) = {is_ssn, is_itin, is_nino, is_pan, is_cpr, is_rrn};
  constexpr bool (*strong[])(std::string_view) = {is_nir, is_cpf, is_rijksregister, is_fodselsnummer, is_codice_fiscale,
                                                  is_ahv, is_cuit};
  if (std::ranges::find(none, scheme.is_valid) != std::end(none)) return Check::none;
  return std::ranges::find(strong, scheme.is_valid) != std::end(strong) ? Check::strong : Check::digit;
}

std::span<const Scheme> national_id_schemes() noexcept { return schemes; }

}  // namespace picket::apps::guard
