# The lab's namespaces, links, addresses and routes. Sourced by up.

# The lab host's addresses: public, and on its LAN.
readonly HOST_V4=203.0.112.7 HOST_V6=2606:2800:300::7
readonly HOST_LAN_V4=10.1.0.1 HOST_LAN_V6=fd00:1ab::1
# The far ends: routers, and where Sniffer's markers are sent.
readonly INET_V4=203.0.112.1 INET_V6=2606:2800:300::1
readonly LAN_V4=10.1.0.2 LAN_V6=fd00:1ab::2

readonly WEB_ADDRESSES=(93.184.216.34 93.184.216.35
  2606:2800:220:1::1 2606:2800:220:1::35)
readonly DNS_ADDRESSES=(1.1.1.1 8.8.8.8 9.9.9.9
  2606:2800:220:1::53 2606:4700:4700::1111)
# Resolvers of the scripted server: the script, REFUSED, SERVFAIL, silence.
readonly SCRIPT_ADDRESS=8.8.4.4 REFUSING_ADDRESS=149.112.112.11
readonly FAILING_ADDRESS=149.112.112.12 SILENT_ADDRESS=149.112.112.13
readonly ECHO_ADDRESSES=(198.35.26.96 2606:2800:220:1::7)

readonly INTERNAL_ADDRESSES=(10.1.2.3 192.168.77.1 172.20.0.1 100.64.1.1
  fd00:10::3)
readonly METADATA_ADDRESSES=(169.254.169.254 169.254.170.2 100.100.100.200
  168.63.129.16 fd00:ec2::254)
readonly LAN_RANGES=(10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10
  169.254.0.0/16 168.63.129.16/32)

# lab_ip NS ARGS...: ip, inside the namespace.
lab_ip() { ip -n "$(lab_netns "$1")" "${@:2}"; }

# lab_link NS ADDRESS4 ADDRESS6: joins the host with NS; the host's end is named
# sluicelab-NS and gets the addresses, NS's end is named sluicelab-host.
lab_link() {
  ip link add "sluicelab-$1" netns "$(lab_netns host)" type veth \
    peer name sluicelab-host netns "$(lab_netns "$1")"
  lab_ip host addr add "$2" dev "sluicelab-$1"
  lab_ip host addr add "$3" dev "sluicelab-$1" nodad
  lab_ip host link set "sluicelab-$1" up
  lab_ip "$1" link set sluicelab-host up
}

# lab_addresses NS ADDRESS...: addresses that NS answers for.
lab_addresses() {
  local address
  for address in "${@:2}"; do
    case $address in
      *:*) echo "addr add $address/128 dev lo nodad" ;;
      *) echo "addr add $address/32 dev lo" ;;
    esac
  done | lab_ip "$1" -batch -
}

lab_make_namespaces() {
  local ns
  for ns in "${LAB_NAMESPACES[@]}"; do
    ip netns add "$(lab_netns "$ns")"
    # Addresses work at once: no duplicate address detection.
    lab_in "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
      net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0
    lab_ip "$ns" link set lo up
  done
  lab_in host sysctl -qw "net.ipv4.ping_group_range=$1"
}

lab_connect_inet() {
  lab_link inet "$HOST_V4/24" "$HOST_V6/64"
  lab_ip inet addr add "$INET_V4/24" dev sluicelab-host
  lab_ip inet addr add "$INET_V6/64" dev sluicelab-host nodad
  lab_ip host route add default via "$INET_V4"
  lab_ip host route add default via "$INET_V6"
  lab_addresses inet "${WEB_ADDRESSES[@]}" "${DNS_ADDRESSES[@]}" \
    "$SCRIPT_ADDRESS" "$REFUSING_ADDRESS" "$FAILING_ADDRESS" \
    "$SILENT_ADDRESS" "${ECHO_ADDRESSES[@]}"
}

lab_connect_lan() {
  local range
  lab_link lan "$HOST_LAN_V4/24" "$HOST_LAN_V6/64"
  lab_ip lan addr add "$LAN_V4/24" dev sluicelab-host
  lab_ip lan addr add "$LAN_V6/64" dev sluicelab-host nodad
  for range in "${LAN_RANGES[@]}"; do
    lab_ip host route add "$range" via "$LAN_V4"
  done
  lab_ip host route add fd00::/8 via "$LAN_V6"
  lab_ip lan route add default via "$HOST_LAN_V4"
  lab_ip lan route add default via "$HOST_LAN_V6"
  lab_addresses lan "${INTERNAL_ADDRESSES[@]}" "${METADATA_ADDRESSES[@]}"
}
