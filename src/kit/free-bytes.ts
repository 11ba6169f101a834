/**
 * Gives back at once the memory of a buffer that nobody looks at any more. It lies outside of the heap, where it is only freed once
 * a collection finds the buffer unused, and V8 makes a major one for every 64 MB of it: a client that sends quickly what is thrown
 * away would have the thread collect garbage all the time. Buffers that share their memory are left alone.
 */
export function freeBytes({ buffer, length }: Buffer): void {
  if (length > 0 && buffer.byteLength === length && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
