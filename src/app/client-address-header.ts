/** Set by the edge, which writes over whatever a client sends. Who asks on the core's socket itself is this machine's user. */
export const clientAddressHeader = 'sluice-client-address'
