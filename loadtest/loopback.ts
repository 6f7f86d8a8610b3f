// Load goes to this machine unless its sender says that the target is theirs.
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Throws unless every address of the target's host is a loopback address. */
export async function requireLoopback(target: URL): Promise<void> {
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  const outside = addresses.filter((address) => !isLoopback(address));
  if (outside.length === 0) return;
  throw new Error(
    `${target.origin} is ${outside.join(', ')}, not this machine; if it is yours to load, say --yes-i-own-this-target`,
  );
}

async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

const isLoopback = (address: string): boolean =>
  loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
