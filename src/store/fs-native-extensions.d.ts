/** The one function used of fs-native-extensions, which ships no types. */
declare module 'fs-native-extensions' {
  /** Takes the lock on `length` octets from `offset` (0: to the end) without waiting; false if somebody has it. */
  export function tryLock(fd: number, offset?: number, length?: number): boolean;
}
