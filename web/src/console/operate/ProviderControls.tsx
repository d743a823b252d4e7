import { PauseProviderDocument, ResumeProviderDocument, type ProviderPause } from '../../gql/graphql';
import { providerStatus } from '../account/providerStatus';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { ConfirmButton } from '../ui/ConfirmButton';
import type { Numbers } from './Live';

type Provider = Numbers['providers'][number];

interface Props {
  numbers: Numbers;
  onChanged: () => void;
}

/** The providers with their queues, and buttons that pause, drain and resume them. */
export function ProviderControls({ numbers: { providers, queues }, onChanged }: Props) {
  return (
    <section className="stack" aria-labelledby="providers">
      <h2 id="providers">{messages.account.providers}</h2>
      {providers.map((provider) => (
        <ProviderRow
          key={provider.name}
          provider={provider}
          queue={queues.find((queue) => queue.provider === provider.name)}
          onChanged={onChanged}
        />
      ))}
    </section>
  );
}

interface RowProps {
  provider: Provider;
  queue: Numbers['queues'][number] | undefined;
  onChanged: () => void;
}

function ProviderRow({ provider, queue, onChanged }: RowProps) {
  const name = messages.common.provider(provider.name);
  const { tone, text } = providerStatus(provider);
  return (
    <article className="card stack" aria-label={name}>
      <div className="row space-between">
        <h3>{name}</h3>
        <span className={`chip ${tone}`}>{provider.pause ? messages.operate.pauses[provider.pause] : text}</span>
      </div>
      {provider.message && <p className="hint">{provider.message}</p>}
      <p>{messages.operate.queue(queue?.depth ?? 0, Math.round(queue?.oldestAgeSeconds ?? 0))}</p>
      <div className="row">
        {provider.pause === null ? (
          <>
            <PauseButton provider={provider} name={name} mode="PAUSED" onChanged={onChanged} />
            <PauseButton provider={provider} name={name} mode="DRAINING" onChanged={onChanged} />
          </>
        ) : (
          <ResumeButton provider={provider} name={name} onChanged={onChanged} />
        )}
      </div>
    </article>
  );
}

interface ButtonProps {
  provider: Provider;
  name: string;
  onChanged: () => void;
}

function PauseButton({ provider, name, mode, onChanged }: ButtonProps & { mode: ProviderPause }) {
  const { client } = useGateway();
  const { action, question, consequence } = messages.operate.pause[mode];
  const pause = async () => {
    const { data, error } = await client.mutation(PauseProviderDocument, { provider: provider.name, mode });
    if (data?.result.__typename === 'InvalidInput') return data.result.message;
    if (error) return describeError(error);
    onChanged();
  };
  return (
    <ConfirmButton
      trigger={action}
      label={`${action} ${name}`}
      question={question(name)}
      consequence={consequence}
      action={action}
      onConfirm={pause}
    />
  );
}

function ResumeButton({ provider, name, onChanged }: ButtonProps) {
  const { client } = useGateway();
  const resume = async () => {
    const { data, error } = await client.mutation(ResumeProviderDocument, { provider: provider.name });
    if (data?.result.__typename === 'InvalidInput') return data.result.message;
    if (error) return describeError(error);
    onChanged();
  };
  return (
    <ConfirmButton
      trigger={messages.operate.resume}
      label={`${messages.operate.resume} ${name}`}
      question={messages.operate.resumeQuestion(name)}
      consequence={messages.operate.resumeConsequence}
      action={messages.operate.resume}
      onConfirm={resume}
    />
  );
}
