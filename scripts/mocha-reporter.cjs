// Mocha's spec reporter, closed by the plain line that CI reads: "N passed, N failed, N skipped".
const { relative } = require('node:path');
const { reporters, Runner } = require('mocha');

module.exports = class PlainLineReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    // Of a file that could not be loaded, or whose process died, no test can say which it is.
    runner.prependListener(Runner.constants.EVENT_TEST_FAIL, (_test, error) => {
      if (error.file !== undefined) error.stack = `${relative('', error.file)}: ${error.stack}`;
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
};
