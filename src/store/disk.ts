import * as fs from 'node:fs';

/** The part of node:fs through which the record and other durable files are written; tests put a failing disk here. */
export type Disk = Pick<
  typeof fs,
  | 'chmodSync'
  | 'closeSync'
  | 'fchmodSync'
  | 'fchownSync'
  | 'fdatasyncSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'statfsSync'
  | 'statSync'
  | 'unlinkSync'
  | 'writeSync'
>;

/** The machine's own file systems. */
export const realDisk: Disk = fs;
