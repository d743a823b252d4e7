/** Long enough for anything that is going to happen; a test that waits longer has failed. */
const patienceMs = 20_000;

/** The promise's value, or an error that says what did not come. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`there was no ${what}`)), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
