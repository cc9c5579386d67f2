//! What the planner does in each state, on each event: `given what → state, steps, next look`.

mod convergence;
mod events;
mod stage;
mod states;
