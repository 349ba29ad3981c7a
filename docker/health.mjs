// Whether the process in this container answers: its live page, or else its metrics. Exit 0 when it does.
const ports = [
  [process.env.EPEMU_SERVE, 7078],
  [process.env.EPEMU_METRICS, 9464],
]
  .filter(([address = '']) => address !== '')
  .map(([address, port]) => Number(/(?:^|:)(\d+)$/.exec(address)?.[1] ?? port));

const answers = async (port) => {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
};

// A command that serves nothing, `analyze` say, is healthy while it runs.
const healthy = ports.length === 0 || (await Promise.all(ports.map(answers))).some(Boolean);
process.exitCode = healthy ? 0 : 1;
