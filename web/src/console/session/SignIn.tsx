import { useState, type FormEvent } from 'react';
import type { User } from '../../config';
import { messages } from '../messages';
import { Logo } from '../ui/Logo';

interface Props {
  users: User[];
  /** Why the last session ended. */
  notice: string | null;
  onToken: (token: string) => void;
  onUser: (user: User) => void;
}

export function SignIn({ users, notice, onToken, onUser }: Props) {
  return (
    <main className="sign-in">
      <h1>
        <Logo /> {messages.common.product}
      </h1>
      {notice && (
        <p className="notice error" role="alert">
          {notice}
        </p>
      )}
      <TokenForm onToken={onToken} />
      {users.length > 0 && <DevelopmentUsers users={users} onUser={onUser} />}
    </main>
  );
}

function TokenForm({ onToken }: { onToken: (token: string) => void }) {
  const [text, setText] = useState('');
  // Terminals wrap long lines when they are copied.
  const token = text.replace(/^\s*Bearer\s+/i, '').replace(/\s+/g, '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token) onToken(token);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">
        {messages.session.token}
        <textarea
          className="code"
          rows={5}
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-describedby="token-help"
          autoComplete="off"
          spellCheck={false}
          autoFocus
        />
      </label>
      <p id="token-help" className="hint">
        {messages.session.tokenHint(<code>plantain token --sub you</code>)}
      </p>
      <button type="submit" className="primary" disabled={!token}>
        {messages.session.signIn}
      </button>
    </form>
  );
}

function DevelopmentUsers({ users, onUser }: { users: User[]; onUser: (user: User) => void }) {
  return (
    <section className="stack">
      <h2>{messages.session.developmentUsers}</h2>
      <div className="row">
        {users.map((user) => (
          <button key={user.id} type="button" onClick={() => onUser(user)}>
            {user.id}
          </button>
        ))}
      </div>
    </section>
  );
}
