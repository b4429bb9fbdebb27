// The bits that are written, lowest first. RFC 1951, 3.1.1.

/** Where the next whole byte goes. */
export let at: usize = 0;
/** Bits that are not written yet, fewer than 8 after `flush`. */
export let pending: u64 = 0;
export let count: u64 = 0;

/** Begins at an address. */
export function begin(address: usize): void {
  resume(address, 0, 0);
}

/** Goes on where a loop left off that had the three of them in its own variables. */
export function resume(address: usize, bits: u64, size: u64): void {
  at = address;
  pending = bits;
  count = size;
}

/** Adds bits, of which there is room for 56, and writes what makes whole bytes. */
export function put(bits: u64, size: u32): void {
  pending |= bits << count;
  count += size;
  store<u64>(at, pending);
  at += usize(count >> 3);
  pending >>= count & 0x38;
  count &= 7;
}

/** Adds the code that is written as in `LITERAL_CODES`. */
export function putCode(code: u32): void {
  put(code & 0xffffff, code >> 24);
}

/** A stored block, which ends on a byte; without any bytes it does nothing else. RFC 1951, 3.2.4. */
export function putStored(from: usize, size: u32): void {
  put(0, 3);
  if (count > 0) put(0, 8 - u32(count));
  put(size | ((size ^ 0xffff) << 16), 32);
  memory.copy(at, from, size);
  at += size;
}
