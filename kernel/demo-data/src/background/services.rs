//! Sessions with the services of the campus and across its border: one method for each kind.
//!
//! What clients do on the web is in `background`, and so is the choice between the kinds.

use std::net::Ipv4Addr;

use super::{Background, CAMPUS_ZONE, ending, lookups, page_bytes, talk_time};
use crate::campus;
use crate::day::{MINUTE_US, SECOND_US};
use crate::flow::{Ending, Ends, Flow, Volume};
use crate::talk;

const NOISE_PORTS: [u16; 8] = [22, 23, 80, 443, 445, 3389, 8080, 5900];

impl Background {
    pub(super) fn file_share(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let ends = Ends::ipv4(client, dice.client_port(), *dice.pick(&campus::FILE_SERVERS), 445);
        let payload = (
            dice.log_normal(24_000.0, 1.9, 2_000, 8_000_000_000),
            dice.log_normal(60_000.0, 2.1, 2_000, 12_000_000_000),
        );
        let duration_us = dice.log_normal(70.0e6, 1.3, SECOND_US, 90 * MINUTE_US);
        let ending = ending(dice);
        Flow::tcp(ends, start_us, duration_us, payload, ending).served_by("smb")
    }

    pub(super) fn directory(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let (port, service) = *dice.pick(&[(88, "krb_tcp"), (389, "ldap_tcp"), (389, "ldap_tcp")]);
        let ends = Ends::ipv4(client, dice.client_port(), campus::DOMAIN_CONTROLLER, port);
        let payload = (dice.log_normal(900.0, 0.6, 180, 30_000), dice.log_normal(1_700.0, 0.8, 180, 400_000));
        Flow::tcp(ends, start_us, dice.log_normal(9_000.0, 1.2, 800, 60_000_000), payload, Ending::Closed)
            .served_by(service)
    }

    pub(super) fn time(&mut self, start_us: u64) -> Flow {
        const UNANSWERED_SHARE: f64 = 0.01;
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let ends = Ends { src: client.into(), src_port: 123, dst: campus::TIME_SERVER.into(), dst_port: 123 };
        let packet = Volume { packets: 1, payload: 48 };
        let answer = if dice.chance(UNANSWERED_SHARE) { Volume { packets: 0, payload: 0 } } else { packet };
        Flow::udp(ends, start_us, dice.between(180, 1_800), packet, answer).served_by("ntp")
    }

    pub(super) fn mail_client(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let ends = Ends::ipv4(client, dice.client_port(), campus::MAIL_SERVER, *dice.pick(&[993, 993, 993, 587]));
        let payload =
            (dice.log_normal(2_600.0, 1.2, 600, 30_000_000), dice.log_normal(9_000.0, 1.7, 1_500, 60_000_000));
        let duration_us = dice.log_normal(12.0e6, 1.8, 200_000, 60 * MINUTE_US);
        let ending = ending(dice);
        talk::tls(dice, ends, start_us, duration_us, payload, ending, "mail.campus.example")
    }

    pub(super) fn mail_peer(&mut self, start_us: u64, flows: &mut Vec<Flow>) {
        let dice = &mut self.dice;
        let site = self.internet.any(dice);
        let peer = *dice.pick(&site.addresses);
        let is_incoming = dice.chance(0.6);
        let mut start_us = start_us;
        let ends = if is_incoming {
            Ends::ipv4(peer, dice.client_port(), campus::MAIL_SERVER, 25)
        } else {
            start_us = lookups(dice, campus::MAIL_SERVER, site, start_us, flows);
            Ends::ipv4(campus::MAIL_SERVER, dice.client_port(), peer, 25)
        };
        let payload = (dice.log_normal(14_000.0, 1.5, 700, 30_000_000), dice.between(350, 900));
        let duration_us = dice.log_normal(1.8e6, 0.8, 150_000, 90_000_000);
        flows.push(Flow::tcp(ends, start_us, duration_us, payload, Ending::Closed).served_by("smtp"));
    }

    pub(super) fn shell(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let admin = *dice.pick(&campus::ADMIN_WORKSTATIONS);
        let ends = Ends::ipv4(admin, dice.client_port(), *dice.pick(&campus::APPLICATION_SERVERS), 22);
        let payload =
            (dice.log_normal(9_000.0, 1.4, 2_400, 500_000_000), dice.log_normal(30_000.0, 1.6, 3_000, 2_000_000_000));
        let duration_us = dice.log_normal(240.0e6, 1.6, 2 * SECOND_US, 300 * MINUTE_US);
        Flow::tcp(ends, start_us, duration_us, payload, Ending::Closed).served_by("ssh")
    }

    pub(super) fn ping(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let target = *dice.pick(&campus::APPLICATION_SERVERS);
        let target = if dice.chance(0.5) { *dice.pick(&campus::FILE_SERVERS) } else { target };
        let count = dice.between(1, 5);
        let answered = if dice.chance(0.03) { 0 } else { count };
        Flow::ping(campus::MONITORING.into(), target.into(), start_us, count * SECOND_US, count, answered)
    }

    pub(super) fn print(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let ends = Ends::ipv4(client, dice.client_port(), *dice.pick(&campus::PRINTERS), *dice.pick(&[9_100, 631]));
        let payload = (dice.log_normal(700_000.0, 1.2, 4_000, 400_000_000), dice.between(90, 2_000));
        let duration_us = dice.log_normal(6.0e6, 0.9, 300_000, 10 * MINUTE_US);
        let ending = ending(dice);
        Flow::tcp(ends, start_us, duration_us, payload, ending)
    }

    pub(super) fn visitor(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let site = self.internet.any(dice);
        let ends = Ends::ipv4(*dice.pick(&site.addresses), dice.client_port(), campus::PUBLIC_WEB, 443);
        let payload = (dice.log_normal(1_300.0, 0.7, 500, 2_000_000), page_bytes(dice));
        let duration_us = talk_time(dice, payload.1);
        let ending = ending(dice);
        talk::tls(dice, ends, start_us, duration_us, payload, ending, "www.campus.example")
    }

    /// What the internet sends to everyone; the border firewall drops nearly all of it.
    pub(super) fn noise(&mut self, start_us: u64) -> Flow {
        const REFUSED_SHARE: f64 = 0.08;
        let dice = &mut self.dice;
        let src = Ipv4Addr::new(100, dice.between(64, 127) as u8, dice.below(256) as u8, dice.between(1, 254) as u8);
        let dst = Ipv4Addr::new(10, 20, dice.below(256) as u8, dice.between(1, 254) as u8);
        let ends = Ends::ipv4(src, dice.client_port(), dst, *dice.pick(&NOISE_PORTS));
        if dice.chance(REFUSED_SHARE) {
            Flow::tcp_refused(ends, start_us, dice.between(400, 30_000))
        } else {
            Flow::tcp_unanswered(ends, start_us, 3 * SECOND_US, dice.between(1, 2))
        }
    }

    pub(super) fn polling(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let ends = Ends::ipv4(campus::MONITORING, dice.client_port(), *dice.pick(&campus::PRINTERS), 161);
        let packets = dice.between(1, 12);
        let forward = Volume { packets, payload: packets * dice.between(40, 48) };
        let reverse = Volume { packets, payload: packets * dice.between(44, 90) };
        Flow::udp(ends, start_us, packets * dice.between(900, 4_000), forward, reverse).served_by("snmp")
    }

    pub(super) fn application(&mut self, start_us: u64) -> Flow {
        let dice = &mut self.dice;
        let client = campus::client(dice);
        let server = *dice.pick(&campus::APPLICATION_SERVERS);
        let ends = Ends::ipv4(client, dice.client_port(), server, 8_443);
        let payload = (dice.log_normal(3_000.0, 1.0, 700, 20_000_000), dice.log_normal(18_000.0, 1.4, 900, 80_000_000));
        let duration_us = talk_time(dice, payload.1);
        let ending = ending(dice);
        let name = format!("app{}.{CAMPUS_ZONE}", server.octets()[3]);
        talk::tls(dice, ends, start_us, duration_us, payload, ending, &name)
    }
}
