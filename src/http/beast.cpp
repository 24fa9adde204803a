// The compiled halves of Asio's TLS and of Beast; only this room uses them.
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
