// The bodies of Asio's and Beast's functions, for the whole program.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
