# Makes stibee-syncd@.service of stibee-syncd.service: one configuration, state, socket and set of secrets for each
# instance, and all else, the walls above all, alike. Its directories lie beside those of the unit without a name, not in
# them: systemd gives a directory with all in it to one user, and takes it away when that one unit stops.
s/^Description=.*/& (%i)/
s|/etc/stibee-syncd/config\.yaml|/etc/stibee-syncd/%i.yaml|g
s|/etc/stibee-syncd/credentials/|/etc/stibee-syncd/credentials/%i/|g
s|^User=stibee-syncd$|User=stibee-syncd-%i|
s|^StateDirectory=stibee-syncd$|StateDirectory=stibee-syncd-%i|
s|^RuntimeDirectory=stibee-syncd$|RuntimeDirectory=stibee-syncd-%i|
