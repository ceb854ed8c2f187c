/**
 * Loaded into the program by `node --require`: its clock stands CLOCK_OFFSET_MS milliseconds off, as a machine's does whose
 * time was set wrong. The program reads the time as `new Date()` alone; waiting goes by steady clocks, which stay true.
 */
const offsetMs = Number(process.env['CLOCK_OFFSET_MS'] ?? '0');
const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [RealDate.now() + offsetMs] : args) as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
