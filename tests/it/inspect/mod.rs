//! Looking at real servers: truthfully, quickly, and without anybody noticing.

mod bloat;
