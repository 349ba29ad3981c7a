// Keeps what small runs do in test/golden.json: after a change of virtual time that is meant.
import { writeGolden } from '../dist-test/support/golden-file.js';

await writeGolden();
