// The one translation unit that compiles Asio itself; everybody else sees declarations
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
