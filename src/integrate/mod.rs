//! Integrators: symplectic splitting, Gauss-Legendre, explicit Runge-Kutta.
