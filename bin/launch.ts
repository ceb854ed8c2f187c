#!/usr/bin/env node
import { createLoader } from './loader.ts';

/*
 * What the package installs as `ca`. Bundled into a CommonJS file of its own, beside the program's.
 */

const { run } = createLoader(__dirname, require).load('program.cjs') as { readonly run: () => void };
run();
