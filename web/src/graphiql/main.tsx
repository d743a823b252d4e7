import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './graphiql.css';
import { createRoot } from 'react-dom/client';
import { StartupError } from './StartupError';
import { GraphiQLPage } from './GraphiQLPage';
import { loadConfig } from '../config';

const root = createRoot(document.getElementById('root')!);

try {
  root.render(<GraphiQLPage config={await loadConfig()} />);
} catch (error) {
  root.render(<StartupError reason={error instanceof Error ? error.message : String(error)} />);
}
