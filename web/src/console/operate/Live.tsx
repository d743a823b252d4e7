import { useState } from 'react';
import { OperationsDocument, type OperationsQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { useInterval } from '../ui/useInterval';
import { formatCredits } from '../ui/formatCredits';
import { BarChart } from './BarChart';
import { ProviderControls } from './ProviderControls';

export type Numbers = OperationsQuery['operations'];

const refreshIntervalMs = 5_000;
const spans = [60, 360, 1_440] as const;

/** Rates, latencies, queues and spending, from the gateway's own data. */
export function Live() {
  const [minutes, setMinutes] = useState<number>(60);
  const [{ data, error }, refetch] = useRefetchingQuery(OperationsDocument, { minutes });
  useInterval(() => refetch({ requestPolicy: 'network-only' }), refreshIntervalMs);
  if (!data) return <p className="empty">{error ? describeError(error) : messages.common.loading}</p>;
  const numbers = data.operations;
  return (
    <div className="stack">
      <label className="row">
        {messages.operate.span}
        <select value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
          {spans.map((span) => (
            <option key={span} value={span}>
              {messages.operate.lastHours(span / 60)}
            </option>
          ))}
        </select>
      </label>
      <Facts numbers={numbers} />
      <Rates numbers={numbers} />
      <ProviderControls numbers={numbers} onChanged={() => refetch({ requestPolicy: 'network-only' })} />
      <Models models={numbers.models} />
      <Spend spend={numbers.spend} />
    </div>
  );
}

function Facts({ numbers }: { numbers: Numbers }) {
  const { unbalancedAccounts, waitingCallbacks, waitingDeliveries } = numbers;
  return (
    <>
      {unbalancedAccounts > 0 && (
        <p className="notice error" role="alert">
          {messages.operate.unbalanced(unbalancedAccounts)}
        </p>
      )}
      <p className="hint">{messages.operate.waiting(waitingCallbacks, waitingDeliveries)}</p>
    </>
  );
}

const periodMs = 5 * 60_000;

/** The periods without tasks are not in the answer. */
function allPeriods({ since, at, rates }: Numbers) {
  const known = new Map(rates.map((rate) => [Date.parse(rate.at), rate]));
  const first = Math.ceil(Date.parse(since) / periodMs);
  const count = Math.max(0, Math.floor(Date.parse(at) / periodMs) - first + 1);
  return Array.from({ length: count }, (_, index) => {
    const start = (first + index) * periodMs;
    const none = { at: new Date(start).toISOString(), submitted: 0, succeeded: 0, failed: 0, canceled: 0 };
    return known.get(start) ?? none;
  });
}

function Rates({ numbers }: { numbers: Numbers }) {
  const bars = allPeriods(numbers).map((rate) => ({
    label: new Date(rate.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
    parts: [
      { kind: 'succeeded' as const, value: rate.succeeded },
      { kind: 'failed' as const, value: rate.failed },
      { kind: 'canceled' as const, value: rate.canceled },
      { kind: 'unfinished' as const, value: rate.submitted - rate.succeeded - rate.failed - rate.canceled },
    ],
  }));
  return (
    <section className="card stack" aria-labelledby="rates">
      <h2 id="rates">{messages.operate.rates}</h2>
      <BarChart bars={bars} description={messages.operate.ratesOf(numbers.rates.reduce((sum, rate) => sum + rate.submitted, 0))} />
    </section>
  );
}

const seconds = (value: number | null) => (value === null ? '–' : messages.common.seconds(value.toFixed(1)));

function Models({ models }: { models: Numbers['models'] }) {
  return (
    <section className="card stack" aria-labelledby="latencies">
      <h2 id="latencies">{messages.operate.models}</h2>
      <div className="scrolling" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {messages.operate.modelColumns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {models.map((model) => (
              <tr key={model.model}>
                <th scope="row">{model.model}</th>
                <td>{model.succeeded}</td>
                <td>{model.failed}</td>
                <td>{model.successRate === null ? '–' : `${Math.round(model.successRate * 100)} %`}</td>
                <td>{seconds(model.p50Seconds)}</td>
                <td>{seconds(model.p95Seconds)}</td>
                <td>{seconds(model.p99Seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** One bar for each day: the credits of all models. */
function Spend({ spend }: { spend: Numbers['spend'] }) {
  const days = Map.groupBy(spend, ({ day }) => day);
  const bars = [...days].map(([day, all]) => ({
    label: new Date(day).toLocaleDateString([], { day: 'numeric', month: 'short', timeZone: 'UTC' }),
    parts: [{ kind: 'succeeded' as const, value: all.reduce((sum, { credits }) => sum + credits, 0) }],
  }));
  const byModel = Map.groupBy(spend, ({ model }) => model);
  return (
    <section className="card stack" aria-labelledby="spend">
      <h2 id="spend">{messages.operate.spend}</h2>
      <BarChart bars={bars} description={messages.operate.spend} />
      <ul>
        {[...byModel].map(([model, all]) => (
          <li key={model}>
            {messages.operate.spentOn(model, formatCredits(all.reduce((sum, { credits }) => sum + credits, 0)))}
          </li>
        ))}
      </ul>
    </section>
  );
}
