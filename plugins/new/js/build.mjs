// Makes plugin.wasm of main.js: an interpreter with the program inside, and nothing of the system.
import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const { component } = await componentize({
  sourcePath: 'main.js',
  witPath: 'wit/v1',
  worldName: 'minimal',
  // Time and randomness come in the context; there is no system to ask.
  disableFeatures: ['random', 'stdio', 'clocks', 'http', 'fetch-event'],
});
await writeFile('plugin.wasm', component);
console.log(`built plugin.wasm (${component.length} bytes)`);
