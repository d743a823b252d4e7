import { useState } from 'react';
import { TroublesDocument, UserAccountDocument, type UserAccountQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { Field } from '../ui/Field';
import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import { TimeAgo } from '../ui/RelativeTime';

type Account = NonNullable<UserAccountQuery['userAccount']>;

/** A user's credits and ledger, and what is wrong with accounts and webhooks of all users. */
export function Users() {
  const [userId, setUserId] = useState('');
  const [{ data, error }] = useRefetchingQuery(UserAccountDocument, { userId }, userId === '');
  return (
    <div className="stack">
      <form className="card" role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label={messages.operate.user} hint={messages.account.grantUserHint} errorMessage={error && describeError(error)}>
          {(props) => <input {...props} value={userId} onChange={(event) => setUserId(event.target.value)} />}
        </Field>
      </form>
      {userId !== '' && data?.userAccount === null && <p role="status">{messages.operate.noSuchUser}</p>}
      {data?.userAccount && <UserAccount account={data.userAccount} />}
      <Troubles />
    </div>
  );
}

function UserAccount({ account }: { account: Account }) {
  return (
    <section className="stack" aria-labelledby="user">
      <h2 id="user">{account.userId}</h2>
      <ul className="card">
        {account.quota && <li>{messages.operate.available(formatCredits(account.quota.available))}</li>}
        <li>{messages.operate.spent(formatCredits(account.spent), formatCredits(account.reserved))}</li>
        <li>{messages.operate.stored((account.storedBytes / 1_000_000).toFixed(1))}</li>
      </ul>
      <Ledger ledger={account.ledger} />
    </section>
  );
}

function Ledger({ ledger }: { ledger: Account['ledger'] }) {
  return (
    <div className="scrolling" role="region" aria-label={messages.operate.ledger} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {messages.operate.ledgerColumns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ledger.map((entry, index) => (
            <tr key={index}>
              <td>
                <TimeAgo at={entry.at} />
              </td>
              <td>{entry.kind}</td>
              <td>
                {entry.from} → {entry.to}
              </td>
              <td>{formatCreditAmount(entry.credits)}</td>
              <td>{entry.reason ?? entry.taskId ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Troubles() {
  const [{ data }] = useRefetchingQuery(TroublesDocument, {});
  if (!data) return null;
  const { unbalancedAccounts, failingWebhookEndpoints } = data;
  return (
    <section className="stack" aria-labelledby="troubles">
      <h2 id="troubles">{messages.operate.troubles}</h2>
      {unbalancedAccounts.length + failingWebhookEndpoints.length === 0 && <p>{messages.operate.noTroubles}</p>}
      <ul>
        {unbalancedAccounts.map((account) => (
          <li key={account.userId}>
            {messages.operate.unbalancedUser(account.userId, formatCredits(account.reserved), formatCredits(account.spent))}
          </li>
        ))}
        {failingWebhookEndpoints.map(({ userId, endpoint }) => (
          <li key={endpoint.id}>
            {messages.operate.failingEndpoint(userId, endpoint.url)}{' '}
            {endpoint.failingSince && <TimeAgo at={endpoint.failingSince} />} {endpoint.disabledReason}
          </li>
        ))}
      </ul>
    </section>
  );
}
