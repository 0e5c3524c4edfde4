// Proxy auto-configuration: spreads hosts over several proxies without a load balancer. A host always has the same first proxy, so
// its kept connections and its DNS entry are in one process. If that proxy does not answer, the browser tries the next in the list.
// Written in ECMAScript 3, for old engines too.
var PROXIES = ["10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080", "10.0.0.14:8080"];

// Hosts to reach directly: these domains with all names below them.
var DIRECT_DOMAINS = [".intern"];

// FNV-1a in 32 bits, the multiplication in two halves because numbers are exact only up to 2^53, then mixed: the last characters of
// the text would otherwise change only some of the bits.
function multiplied(a, b) {
  return (((a & 0xffff) * b) + ((((a >>> 16) * b) & 0xffff) << 16)) >>> 0;
}

function hash(text) {
  var value = 2166136261;
  for (var i = 0; i < text.length; i++) value = multiplied((value ^ text.charCodeAt(i)) >>> 0, 16777619);
  value = multiplied((value ^ (value >>> 16)) >>> 0, 73244475);
  value = multiplied((value ^ (value >>> 16)) >>> 0, 73244475);
  return (value ^ (value >>> 16)) >>> 0;
}

// Rendezvous hashing: the proxies in the order of their weight for this host. If one is removed from PROXIES, only its hosts move.
function ranked(host) {
  var order = [];
  for (var i = 0; i < PROXIES.length; i++) order.push({proxy: PROXIES[i], weight: hash(PROXIES[i] + "|" + host)});
  order.sort(function (a, b) { return b.weight - a.weight; });
  return order;
}

function FindProxyForURL(url, host) {
  host = host.toLowerCase();
  if (isPlainHostName(host) || host === "127.0.0.1" || host === "::1" || host === "[::1]") return "DIRECT";
  for (var i = 0; i < DIRECT_DOMAINS.length; i++)
    if (dnsDomainIs(host, DIRECT_DOMAINS[i])) return "DIRECT";
  var order = ranked(host), list = [];
  for (var j = 0; j < order.length; j++) list.push("PROXY " + order[j].proxy);
  return list.join("; ");
}
